"""`alloresto bench web`: how fast the site's pages are over a thousand restaurants' two weeks, and
how soon an order is on a screen while a thousand listen.

It measures on a Postgres and a Redis of its own.
"""

import asyncio
import gzip
import os
import sys
from statistics import quantiles
from typing import Final
from uuid import UUID

import click
import httpx2
from pydantic import SecretStr

from controlplane.commands.options import json_line_option
from controlplane.contracts import redis_keys
from controlplane.database import async_engine, async_sessions
from controlplane.local.bench.report import report, tell
from controlplane.local.bench.thousand_restaurants import RESTAURANTS, seed_restaurants
from controlplane.local.bench.web_history import seed_history, sign_in_owner
from controlplane.local.bench.web_pages import PageTimes, time_pages
from controlplane.local.bench.web_screens import OnScreen, order_to_screen
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import LocalServices
from controlplane.log import configure_logging
from controlplane.migrations.schema import upgrade
from controlplane.redis_clients import asyncio_redis
from webapp.app import create_app
from webapp.settings import WebSettings
from webapp.templating import STATIC

ASKED: Final = 8
"""Pages of so many restaurants are asked."""
SLOWEST_TOLD: Final = 8
SECRET: Final = "a secret of this bench"
READY_S: Final = 30.0


@click.command()
@click.option("--restaurants", default=RESTAURANTS)
@click.option("--rounds", default=5, help="Each page of each restaurant is asked so often.")
@click.option("--cut-seconds", default=300.0, help="The site is gone for so long in the middle.")
@json_line_option
def run_bench_web(*, restaurants: int, rounds: int, cut_seconds: float, as_json: bool) -> int:
    """The site: how long its pages take, and how soon an order is on a screen.

    Measure and print.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    with LocalServices(temporary=True, environment={}) as services:
        upgrade(services.database_url)
        tell(f"{restaurants} restaurants …")
        restaurant_ids = seed_restaurants(services.database_url, restaurants=restaurants)
        pages = asyncio.run(_pages(services, restaurant_ids[:ASKED], rounds))
        shown = asyncio.run(_screens(services, restaurant_ids, cut_seconds))
    report(
        {
            "restaurants": restaurants,
            "pages": len(pages),
            "page_ms_p95": round(_p95([ms for page in pages for ms in page.ms]), 1),
            "slowest_page_ms_p95": round(max(_p95(page.ms) for page in pages), 1),
            "queries_max": max(page.queries for page in pages),
            "sse_clients": restaurants,
            "order_to_screen_ms_p95": round(_p95(shown.delays_ms), 1),
            "events_lost": shown.lost,
            "js_kb_gzipped": round(_js_bytes() / 1_000, 1),
        },
        as_json=as_json,
    )
    return 0


async def _pages(
    services: LocalServices, restaurant_ids: list[UUID], rounds: int
) -> list[PageTimes]:
    engine = async_engine(services.database_url, application_name="bench", pool_size=2)
    sessions = async_sessions(engine)
    app = create_app(
        WebSettings(
            database_url=services.database_url,
            redis_url=services.redis_url,
            link_secret=SecretStr(SECRET),
        )
    )
    try:
        tell("two weeks of calls and orders …")
        await seed_history(sessions)
        tokens = {each: await sign_in_owner(sessions, each) for each in restaurant_ids}
        await _cache_configs(services.redis_url)
        tell("pages …")
        async with app.router.lifespan_context(app):
            pages = await time_pages(app, tokens, rounds=rounds)
    finally:
        await engine.dispose()
    for page in sorted(pages, key=lambda page: _p95(page.ms), reverse=True)[:SLOWEST_TOLD]:
        tell(f"{_p95(page.ms):7.1f} ms  {page.queries:2} queries  {page.path}")
    return list(pages)


async def _cache_configs(redis_url: str) -> None:
    """Let restaurants' configs be cached, as a controller does that watches for changes."""
    redis = asyncio_redis(redis_url, connect_timeout_s=1.0, timeout_s=1.0)
    await redis.set(redis_keys.CONFIG_GENERATION, 1)
    await redis.aclose()


async def _screens(services: LocalServices, restaurant_ids: list[UUID], cut_s: float) -> OnScreen:
    engine = async_engine(services.database_url, application_name="bench", pool_size=2)
    port = free_tcp_port()
    environment = {
        **os.environ,
        "DATABASE_URL": services.database_url,
        "REDIS_URL": services.redis_url,
        "ALLORESTO_WEB_PORT": str(port),
        "ALLORESTO_LINK_SECRET": SECRET,
    }

    def site() -> ManagedProcess:
        started = ManagedProcess(
            [sys.executable, "-m", "controlplane.cli", "run", "web"], name="web", env=environment
        ).start()
        started.wait_for(lambda: _answers(port) or None, deadline=READY_S)
        return started

    try:
        return await order_to_screen(
            async_sessions(engine), restaurant_ids, site, port=port, cut_s=cut_s
        )
    finally:
        await engine.dispose()


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz").is_success
    except httpx2.TransportError:
        return False


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def _js_bytes() -> int:
    """Count the scripts as they travel."""
    return sum(len(gzip.compress(path.read_bytes())) for path in STATIC.glob("*.js"))
