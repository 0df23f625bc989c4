"""A bridge, its carrier's telephone and its workers, for tests of what happens to callers nobody
can serve.

There is one event loop for a module: the carrier answers REGISTERs all along.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from redis.asyncio import Redis

from aiworker.media.server import MediaServer
from controlplane.contracts import redis_keys
from controlplane.contracts.messages import CallEnded, parse_call_event
from controlplane.database import libpq_url
from controlplane.local.launch.ports import free_tcp_port
from controlplane.local.launch.services import LocalServices
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone
from tests.integration.answered_bridge import said_that_the_greeting_is_over
from tests.integration.bridge_under_test import (
    BRIDGE_ID,
    CALLER_NUMBER,
    SWITCHES,
    Bridge,
    Stream,
    Worker,
    fresh_database,
    open_switch,
    run_bridge,
    short_prompts,
    until_heard,
)
from tests.integration.carrier_phone import CarrierPhone
from tests.integration.switch_under_test import Server, heard
from tests.waiting import DEADLINE_S, until

WORKERS_A_CALL_MAY_LOSE = 4
BEEP_HZ = 1_000
SILENT_FRAMES = 10
"""This many frames of 20 ms say that the beep is over."""


@dataclass
class OverflowSite:
    """Everything around one restaurant, whose line is `gateway`."""

    switch: Server
    bridge: Bridge
    carrier: CarrierPhone
    redis: Redis
    worker: Worker
    gateway: str
    restaurant_id: UUID
    settings: dict[str, object]
    folder: Path
    agents: contextlib.ExitStack

    async def dial(self, phone: Phone, **fields: Any) -> Dialog:
        given = {"from_number": CALLER_NUMBER, "display_name": "Jean Dupont", **fields}
        return await phone.call(self.bridge.uri(self.gateway), **given)

    @asynccontextmanager
    async def talking(self, phone: Phone) -> AsyncIterator[tuple[Dialog, Stream]]:
        """Make a call past its greeting, with its worker."""
        dialog = await self.dial(phone)
        async with self.worker.take() as stream:
            await until(lambda: said_that_the_greeting_is_over(stream))
            try:
                yield dialog, stream
            finally:  # before the stream: a call that lost its worker would be offered again
                await dialog.hangup()
                async with asyncio.timeout(DEADLINE_S):
                    await stream.connection.wait_closed()

    async def fail_every_worker(self) -> None:
        """Make the next call's workers unreachable, so that it goes to the way out at once."""
        for _ in range(WORKERS_A_CALL_MAY_LOSE):
            url = f"ws://127.0.0.1:{free_tcp_port()}/calls/token"
            await self.worker.claim(await self.worker.offer(), url)

    def stop_agent(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Stop the bridge agent, as a crash or its restart would."""
        self.bridge.agent.send_signal(how)
        self.agents.close()

    async def start_agent(self) -> None:
        """Start the bridge agent, again or for the first time."""
        self.bridge = await asyncio.to_thread(
            self.agents.enter_context,
            run_bridge(
                self.switch,
                database_url=self.bridge.database_url,
                redis_url=self.bridge.redis_url,
                folder=self.folder,
                **self.settings,  # type: ignore[arg-type]
            ),
        )

    async def tell_agent(self) -> None:
        """Publish what the controller does after a change in Postgres."""
        await self.redis.publish(redis_keys.bridge_assignments(BRIDGE_ID), "")

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return await asyncio.to_thread(self.bridge.query, statement, *values)

    async def row(self, statement: str, *values: object) -> tuple[Any, ...]:
        """Return the first row, once it is there."""
        rows: list[tuple[Any, ...]] = await until(partial(self.rows, statement, *values))
        return rows[0]

    async def change_policies(self, statement: str, *values: object) -> None:
        """Change in Postgres whom the bridge agent may ring or refuses, and wait until it knows."""
        before = len(self.bridge.log("call_policies_changed"))
        await self.rows(statement, *values)
        await self.tell_agent()
        await until(lambda: len(self.bridge.log("call_policies_changed")) > before)

    @contextlib.contextmanager
    def database_away(self) -> Iterator[None]:
        """Let nobody in, and throw out who was in."""
        url = libpq_url(self.bridge.database_url)
        database = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
        server = psycopg.conninfo.make_conninfo(url, dbname="postgres")
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        with psycopg.connect(server, autocommit=True) as connection:
            name = sql.Identifier(database)
            connection.execute(allow.format(name, sql.SQL("false")))
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                (database,),
            )
            try:
                yield
            finally:
                connection.execute(allow.format(name, sql.SQL("true")))

    async def ended(self) -> CallEnded:
        """Return the last fact of the newest call."""

        async def end() -> CallEnded | None:
            entries: list[Any] = await self.redis.xrevrange(redis_keys.CALL_EVENTS, count=1) or []
            events = [parse_call_event(fields["event"]) for _, fields in entries]
            return events[0] if events and isinstance(events[0], CallEnded) else None

        return await until(end)


@asynccontextmanager
async def overflow_site(
    switch: Server,
    *,
    database_url: str,
    redis_url: str,
    folder: Path,
    gateway: str,
    **settings: object,
) -> AsyncIterator[OverflowSite]:
    """Run a site, registered at the carrier."""
    async with AsyncExitStack() as undo:
        carrier = await undo.enter_async_context(CarrierPhone())
        media = MediaServer(host="127.0.0.1", port=0)
        await undo.enter_async_context(media.listening())
        redis = Redis.from_url(redis_url, decode_responses=True)
        undo.push_async_callback(redis.aclose)
        await redis.flushall()
        agents = undo.enter_context(contextlib.ExitStack())
        bridge = await asyncio.to_thread(
            agents.enter_context,
            run_bridge(
                switch,
                database_url=database_url,
                redis_url=redis_url,
                folder=folder,
                **settings,  # type: ignore[arg-type]
            ),
        )
        restaurant_id = await asyncio.to_thread(bridge.place, gateway, registrar=carrier.registrar)
        site = OverflowSite(
            switch=switch,
            bridge=bridge,
            carrier=carrier,
            redis=redis,
            worker=Worker(redis, media),
            gateway=gateway,
            restaurant_id=restaurant_id,
            settings=settings,
            folder=folder,
            agents=agents,
        )
        await site.tell_agent()
        await site.row(
            "SELECT 1 FROM sip_registration WHERE gateway_name = %s AND state = 'REGED'", gateway
        )
        yield site


async def until_beep(dialog: Dialog) -> None:
    """Wait for the ladder's prompts, then for the beep and its end: whoever waits for the caller is
    silent.
    """
    await until_heard(dialog, "leave_message")
    await until(lambda: BEEP_HZ in [hertz for hertz, _ in heard(dialog.received)])
    await until(lambda: not heard(dialog.received[-SILENT_FRAMES:]))


def site_of_a_module(gateway: str, **settings: object) -> Any:
    """Make the fixture `site` of a test module: one site on each switch, with a database and a
    switch of its own, for all tests of the module.
    """

    @pytest_asyncio.fixture(scope="module", loop_scope="module", params=SWITCHES)
    async def site(
        request: pytest.FixtureRequest,
        services: LocalServices,
        migrated_template: str,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> AsyncIterator[OverflowSite]:
        folder = tmp_path_factory.mktemp("site")
        with (
            fresh_database(services, migrated_template) as database_url,
            open_switch(request.param, folder, sounds=short_prompts(folder / "sounds")) as switch,
        ):
            async with overflow_site(
                switch,
                database_url=database_url,
                redis_url=services.redis_url,
                folder=folder,
                gateway=gateway,
                **settings,
            ) as site:
                yield site

    return site
