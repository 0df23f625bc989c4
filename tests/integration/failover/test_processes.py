"""Redis and Postgres fail over at one instant, behind one address each: all are back in 5 s.

Bridge agent, controller, worker and site run as they do in production, on two real servers of each
kind. Both old primaries live on: Postgres only reads, Redis is a replica that hears of nothing.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from time import monotonic, time
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from controlplane.contracts import redis_keys
from controlplane.database import async_engine, async_sessions, libpq_url, sync_engine
from controlplane.local.launch.freeswitch import FreeSwitchPorts
from controlplane.local.launch.postgres_pair import PostgresPair
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.simulator import SimulatorServer
from controlplane.local.launch.valkey_pair import ValkeyPair
from freeswitch.telephone.phone import Phone
from tests.accounts import add_account
from tests.integration.answered_bridge import GATEWAY
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    BRIDGE_ID,
    CALLER_NUMBER,
    Bridge,
    controller,
    run_bridge,
    short_prompts,
)
from tests.integration.kitchen_orders import add_order
from tests.integration.kitchen_site import Heard, Tablet, TestSite, next_ticket, running_site
from tests.waiting import DEADLINE_S, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.real_time("how long each process needs is what is measured"),
]

BACK_S: Final = 5.0
GIVE_UP_S: Final = 20.0
LATER: Final = "chez-marco-3f9a1c2b"


class Site:
    """The processes, over both pairs."""

    def __init__(self, postgres: PostgresPair, redis: ValkeyPair, bridge: Bridge) -> None:
        self.postgres, self.redis, self.bridge = postgres, redis, bridge
        self.failed_over_at = 0.0
        self.seconds: dict[str, float] = {}

    def fail_over(self) -> None:
        self.postgres.fail_over()
        self.redis.fail_over(linked=False)
        self.failed_over_at = time()
        self._began = monotonic()

    async def back(self, name: str, look: Callable[[], Awaitable[Any]]) -> None:
        """Wait until it is, and note how long it took."""
        self.seconds[name] = float("inf")
        with suppress(AssertionError):
            await until(look, deadline_s=GIVE_UP_S)
            self.seconds[name] = round(monotonic() - self._began, 1)

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(libpq_url(self.postgres.primary.url), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def site(postgres_pair: PostgresPair, valkey_pair: ValkeyPair, tmp_path: Path) -> Iterator[Site]:
    urls = {"database_url": postgres_pair.url, "redis_url": valkey_pair.url}
    with ExitStack() as running:
        switch = running.enter_context(
            SimulatorServer(
                runtime_folder=tmp_path / "switch",
                ports=FreeSwitchPorts.free(legs=20),
                sounds_folder=short_prompts(tmp_path / "sounds"),
                accounts={GATEWAY: ACCOUNT_PASSWORD, LATER: ACCOUNT_PASSWORD},
                time_factor=0.1,
            )
        )
        bridge = running.enter_context(run_bridge(switch, folder=tmp_path, **urls))
        running.enter_context(controller(postgres_pair.url, valkey_pair.url, tmp_path))
        running.enter_context(worker_process(postgres_pair.url, valkey_pair.url, tmp_path))
        bridge.place(GATEWAY, registrar=switch.registrar)
        bridge.agent.wait_for(lambda: bridge.state(GATEWAY)[0] == "REGED", deadline=DEADLINE_S)
        yield Site(postgres_pair, valkey_pair, bridge)


def worker_process(database_url: str, redis_url: str, folder: Path) -> ManagedProcess:
    return ManagedProcess(
        [sys.executable, "-m", "aiworker.ai_worker"],
        name="ai-worker",
        env={
            **os.environ,
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "ALLORESTO_WORKER_ID": "worker-process",
            "ALLORESTO_WORKER_SLOTS": "1",
            "ALLORESTO_REALTIME_URL": "ws://127.0.0.1:9/v1",
        },
        log_file=folder / "worker.log",
        stop_grace=3.0,
    )


async def test_every_process_is_back_within_seconds(site: Site) -> None:
    """1 Everything runs, a kitchen page is open. 2 Both fail over. 3 Heartbeats are on the new
    Redis, a new restaurant is placed and registered, a call is taken and recorded, an order is on
    the page.
    """
    restaurant = site.query("SELECT id FROM restaurant")[0][0]
    async with running_site(site.postgres.url) as web, Phone() as phone:
        tablet = await a_tablet(site, web, restaurant)
        stream = tablet.events(after=0)
        async with stream.open() as events:
            await until(lambda: beating(site))
            await order_shown(site, events)
            await asyncio.to_thread(site.fail_over)
            await asyncio.to_thread(open_another_restaurant, site)
            dialog = await phone.call(site.bridge.uri(GATEWAY), from_number=CALLER_NUMBER)
            await asyncio.gather(
                site.back("bridge and worker beat", lambda: beating(site)),
                site.back("the controller places", lambda: is_at(site, "bridge_id", BRIDGE_ID)),
                site.back("the bridge registers", lambda: is_at(site, "state", "REGED")),
                site.back("a call is taken, and recorded", lambda: was_taken(site)),
                site.back("the kitchen sees an order", lambda: order_shown(site, events)),
                site.back("the page answers", lambda: answers(tablet)),
            )
            await dialog.hangup()
    logging.getLogger(__name__).info("back after %s", site.seconds)
    assert max(site.seconds.values()) < BACK_S, site.seconds


async def beating(site: Site) -> bool:
    """Both have said that they live, since the failover if there was one."""
    keys = [redis_keys.bridge_heartbeat(BRIDGE_ID), redis_keys.worker_heartbeat("worker-process")]
    with site.redis.primary.admin() as admin:
        bodies: Any = admin.mget(keys)
    beats = [json.loads(body) for body in bodies if body]
    sent = [datetime.fromisoformat(beat["sentAt"]).timestamp() for beat in beats]
    return len(sent) == len(keys) and min(sent) >= site.failed_over_at


def open_another_restaurant(site: Site) -> None:
    engine = sync_engine(site.postgres.url, application_name="test")
    with engine.begin() as connection:
        add_account(connection, LATER, password=ACCOUNT_PASSWORD)
    engine.dispose()


async def is_at(site: Site, column: str, value: str) -> bool:
    rows = site.query(f"SELECT {column} FROM sip_registration WHERE gateway_name = %s", LATER)
    return rows == [(value,)]


async def was_taken(site: Site) -> bool:
    return site.query("SELECT worker_id FROM call") == [("worker-process",)]


async def order_shown(site: Site, events: AsyncIterator[Heard]) -> bool:
    """Place one where it is to be placed now."""
    (restaurant,) = site.query("SELECT id FROM restaurant WHERE slug = %s", GATEWAY)[0]
    engine = async_engine(site.postgres.url, application_name="test")
    async with async_sessions(engine).begin() as session:
        await add_order(session, restaurant)
    await engine.dispose()
    return bool(await next_ticket(events))


async def a_tablet(site: Site, web: TestSite, restaurant_id: UUID) -> Tablet:
    engine = async_engine(site.postgres.url, application_name="test")
    try:
        return await web.tablet(async_sessions(engine), restaurant_id)
    finally:
        await engine.dispose()


async def answers(tablet: Tablet) -> bool:
    return (await tablet.get()).status_code == 200
