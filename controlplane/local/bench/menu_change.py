"""`alloresto bench menu-change`: from a commit in Postgres to the menu of the next call.

It runs a controller beside a Postgres and a Redis of its own. At each change the menu is in the
cache; then calls load it, one after the other, until one has the new price.
"""

import asyncio
import os
import secrets
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import quantiles
from typing import Final

import click
from redis.asyncio import Redis
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.commands.options import json_line_option
from controlplane.contracts import redis_keys
from controlplane.database import async_engine, async_sessions
from controlplane.local.bench.report import report
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, demo_id, seed_demo
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import REDIS_DEADLINE_S, LocalServices
from controlplane.log import configure_logging
from controlplane.migrations.schema import upgrade
from controlplane.models.menu import MenuItem
from controlplane.redis_clients import asyncio_redis
from controlplane.restaurants.config_cache import load_restaurant_config
from controlplane.secret_box import SecretBox

DEADLINE_S: Final = 10.0
"""One change, and the controller's start, may take this long: ten times what a change may take."""
POLL_S: Final = 0.001
ITEM_ID: Final = demo_id("item", "Margherita")

_Sessions = async_sessionmaker[AsyncSession]


@click.command()
@click.option("--changes", default=50)
@json_line_option
def run_bench_menu_change(*, changes: int, as_json: bool) -> int:
    """From a change of the menu to the next call's menu.

    Measure and print.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    with LocalServices(temporary=True, environment={}) as services:
        upgrade(services.database_url)
        seed_demo(
            services.database_url,
            registrar="127.0.0.1:5060",
            username="0033199001234",
            password=secrets.token_urlsafe(16),
            secrets=SecretBox.from_keys(SecretBox.new_key()),
        )
        urls = {"DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url}
        controller = ManagedProcess(
            [sys.executable, "-m", "controlplane.cli", "run", "controller"],
            name="controller",
            env=os.environ | urls,
            log_file=(services.data_folder or Path()) / "controller.log",
            stop_grace=2.0,
        )
        with controller:
            waits = asyncio.run(_measure(urls, changes))
    report(_summary(waits), as_json=as_json)
    return 0


async def _measure(urls: Mapping[str, str], changes: int) -> list[float]:
    engine = async_engine(urls["DATABASE_URL"], application_name="bench")
    redis = asyncio_redis(
        urls["REDIS_URL"], connect_timeout_s=REDIS_DEADLINE_S, timeout_s=REDIS_DEADLINE_S
    )
    sessions = async_sessions(engine)
    try:
        return [await _change(redis, sessions, cents) for cents in range(1, changes + 1)]
    finally:
        await redis.aclose()
        await engine.dispose()


async def _change(redis: Redis, sessions: _Sessions, cents: int) -> float:
    """Return the seconds until a call has the price of `cents`."""
    async with asyncio.timeout(DEADLINE_S):
        while await redis.get(redis_keys.restaurant_config(DEMO_RESTAURANT_ID)) is None:
            await _price(redis, sessions)
            await asyncio.sleep(POLL_S)
        async with sessions.begin() as session:
            await session.execute(
                update(MenuItem).where(MenuItem.id == ITEM_ID).values(price_cents=cents)
            )
        committed = time.perf_counter()
        while await _price(redis, sessions) != cents:  # noqa: ASYNC110 -- as callers do
            await asyncio.sleep(POLL_S)
        return time.perf_counter() - committed


async def _price(redis: Redis, sessions: _Sessions) -> int:
    config = await load_restaurant_config(redis, sessions, DEMO_RESTAURANT_ID)
    return next(item.price_cents for item in config.menu if item.id == ITEM_ID)


def _summary(waits: list[float]) -> dict[str, object]:
    twentieths = quantiles(waits, n=20)
    return {
        "changes": len(waits),
        "p50_ms": round(twentieths[9] * 1_000, 1),
        "p95_ms": round(twentieths[18] * 1_000, 1),
        "max_ms": round(max(waits) * 1_000, 1),
    }
