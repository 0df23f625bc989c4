"""Two bridges that are drained, the controller that places among them, a carrier and callers."""

import asyncio
import contextlib
import functools
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from redis import Redis as BlockingRedis

from controlplane.cli import main
from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat, DrainStep
from controlplane.database import libpq_url, sync_engine
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import LocalServices
from freeswitch.simulator.registrar import Registrar
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import CallRefused, Phone
from tests.accounts import add_account, add_carrier
from tests.databases import query
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    CALLER_NUMBER,
    Bridge,
    Stream,
    Worker,
    controller,
    fresh_database,
    open_switch,
    run_bridge,
    short_prompts,
)
from tests.waiting import DEADLINE_S, elapse, until

CAPACITY: Final = 6
DRAIN_S: Final = 25.0
"""For a drain of a few registrations to end, on a machine under load."""
FORBIDDEN: Final = 403
ON_THE_SIMULATOR = pytest.mark.parametrize("fleet", ["simulator"], indirect=True)
"""For what does not depend on the switch."""


@dataclass
class Fleet:
    """Bridges by name, and the controller that places among them."""

    kind: str
    folder: Path
    sounds: Path
    database_url: str
    redis_url: str
    redis: "BlockingRedis"
    stack: contextlib.ExitStack
    bridges: dict[str, Bridge] = field(default_factory=dict)
    _starts: int = 0

    def start(self, bridge_id: str, **settings: object) -> Bridge:
        """A switch and its agent, under a name that may have been another's."""
        self._starts += 1
        folder = self.folder / f"{bridge_id}-{self._starts}"
        folder.mkdir()
        switch = self.stack.enter_context(open_switch(self.kind, folder, sounds=self.sounds))
        self.bridges[bridge_id] = bridge = self._agent(bridge_id, switch, folder, settings)
        return bridge

    def start_agent(self, bridge_id: str, **settings: object) -> Bridge:
        """Another agent beside the same switch."""
        self._starts += 1
        folder = self.folder / f"{bridge_id}-{self._starts}"
        folder.mkdir()
        switch = self.bridges[bridge_id].switch
        self.bridges[bridge_id] = bridge = self._agent(bridge_id, switch, folder, settings)
        return bridge

    def _agent(self, bridge_id: str, switch: Any, folder: Path, settings: Any) -> Bridge:
        return self.stack.enter_context(
            run_bridge(
                switch,
                database_url=self.database_url,
                redis_url=self.redis_url,
                folder=folder,
                bridge_id=bridge_id,
                **{"capacity": CAPACITY, **settings},
            )
        )

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return query(self.database_url, statement, *values)

    def add(self, *names: str, registrar: str) -> None:
        """Live restaurants, to be placed by the controller."""
        engine = sync_engine(self.database_url, application_name="test", pool_size=1)
        try:
            with engine.begin() as connection:
                add_carrier(connection, registrar=registrar, registers_per_second=50)
                for name in names:
                    add_account(connection, name, password=ACCOUNT_PASSWORD)
        finally:
            engine.dispose()

    def forget(self, *names: str) -> None:
        """These accounts are gone, or all; their gateways go."""
        if names:
            self.query("DELETE FROM sip_registration WHERE gateway_name = ANY(%s)", list(names))
        else:
            self.query("DELETE FROM sip_registration")

    def is_known(self, bridge_id: str) -> bool:
        """The controller gives it registrations."""
        statement = "SELECT 1 FROM sip_bridge_node WHERE id = %s AND drain_requested_at IS NULL"
        return bool(self.query(statement, bridge_id)) and self.beat(bridge_id) is not None

    def owned(self, bridge_id: str) -> set[str]:
        """Registered on this bridge, and on no other."""
        rows = self.query(
            "SELECT gateway_name FROM sip_registration WHERE bridge_id = %s AND state = 'REGED'"
            " AND state_epoch = epoch AND former_bridge_id IS NULL",
            bridge_id,
        )
        return {name for (name,) in rows}

    def beat(self, bridge_id: str) -> BridgeHeartbeat | None:
        body = self.redis.get(redis_keys.bridge_heartbeat(bridge_id))
        return BridgeHeartbeat.model_validate_json(str(body)) if body else None

    def step(self, bridge_id: str) -> DrainStep | None:
        beat = self.beat(bridge_id)
        return beat.drain if beat else None

    def alloresto(self, *arguments: str) -> ManagedProcess:
        """A command of the admin's, started; its output is in `output`."""
        self._starts += 1
        return self.stack.enter_context(
            ManagedProcess(
                [sys.executable, "-m", "controlplane.cli", *arguments],
                name="alloresto",
                env={**os.environ, "DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url},
                log_file=self.folder / f"alloresto-{self._starts}.log",
                stop_signal=signal.SIGINT,
            )
        )

    def output(self) -> str:
        """Of the last command."""
        return (self.folder / f"alloresto-{self._starts}.log").read_text()

    async def run(self, *arguments: str) -> tuple[int, str]:
        """A command, to its end, in this process, for one of its own takes two seconds to start:
        exit code and output.
        """
        said = io.StringIO()
        with (
            pytest.MonkeyPatch.context() as environment,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            environment.setenv("DATABASE_URL", self.database_url)
            environment.setenv("REDIS_URL", self.redis_url)
            code = await asyncio.to_thread(main, arguments)
        return code, said.getvalue()


@contextlib.contextmanager
def running_fleet(
    kind: str, services: LocalServices, template: str, folder: Path
) -> Iterator[Fleet]:
    with fresh_database(services, template) as database_url, contextlib.ExitStack() as stack:
        redis = stack.enter_context(
            BlockingRedis.from_url(services.redis_url, decode_responses=True)
        )
        redis.flushall()
        sounds = short_prompts(folder / "sounds")
        fleet = Fleet(kind, folder, sounds, database_url, services.redis_url, redis, stack)
        stack.enter_context(controller(database_url, services.redis_url, folder))
        for bridge_id in ("b-1", "b-2"):
            agent = fleet.start(bridge_id).agent
            agent.wait_for(functools.partial(fleet.is_known, bridge_id), deadline=DEADLINE_S)
        yield fleet


class Carrier:
    """A registrar in this process, watched all the time for accounts that nobody can reach."""

    def __init__(self, registrar: Registrar, address: str, names: list[str]) -> None:
        self.registrar, self.address, self.names = registrar, address, names
        self.unreachable: list[str] = []

    def bridges_of(self, name: str, fleet: Fleet) -> set[str]:
        """The bridges this account has bindings of."""
        contacts = self.registrar.contacts(name)
        return {
            bridge_id
            for bridge_id, bridge in fleet.bridges.items()
            if any(f"@{bridge.switch.sip_address}" in contact for contact in contacts)
        }

    def more(self, fleet: Fleet, count: int) -> list[str]:
        """As many restaurants more; not watched."""
        names = [f"more-{uuid4().hex[:8]}" for _ in range(count)]
        for name in names:
            self.registrar.set_password(name, ACCOUNT_PASSWORD)
        fleet.add(*names, registrar=self.address)
        return names

    async def watch(self) -> None:
        """From now on, an account without any binding is noted."""
        while True:
            self.unreachable += [n for n in self.names if not self.registrar.contacts(n)]
            await elapse(0.02, because="it looks until it is cancelled")


async def settled(fleet: Fleet, carrier: Carrier) -> None:
    """All are registered, evenly."""
    await until(
        lambda: [len(fleet.owned(one)) for one in ("b-1", "b-2")] == [2, 2],
        deadline_s=DEADLINE_S,
    )


async def takes_registrations(fleet: Fleet, bridge: Bridge, carrier: Carrier) -> None:
    """The emptiest bridge gets the next restaurant."""
    bridge_id = next(name for name, one in fleet.bridges.items() if one is bridge)
    await until(lambda: fleet.is_known(bridge_id))
    (name,) = carrier.more(fleet, 1)
    await until(lambda: name in fleet.owned(bridge_id))
    assert carrier.bridges_of(name, fleet) == {bridge_id}


@dataclass(frozen=True, slots=True)
class Call:
    """One caller with an agent on the line."""

    dialog: Dialog
    stream: Stream

    @property
    def up(self) -> bool:
        return not self.dialog.ended.is_set()


@contextlib.asynccontextmanager
async def a_call(fleet: Fleet, worker: Worker, bridge_id: str, name: str) -> AsyncIterator[Call]:
    """A caller who talks with an agent on that bridge."""
    async with Phone() as phone:
        calling = asyncio.create_task(
            phone.call(fleet.bridges[bridge_id].uri(name), from_number=CALLER_NUMBER)
        )
        async with worker.take() as stream:
            call = Call(await calling, stream)
            yield call
            await call.dialog.hangup()


async def until_step(fleet: Fleet, bridge_id: str, step: DrainStep | None) -> None:
    await until(lambda: fleet.step(bridge_id) is step)


async def until_gone(bridge: Bridge) -> None:
    """Its agent and its FreeSWITCH have ended by themselves, well."""
    await until(lambda: not (bridge.agent.alive or bridge.switch.alive))
    assert (bridge.agent.returncode, bridge.switch.process.returncode) == (0, 0)


async def replaced_agent(fleet: Fleet, bridge_id: str, **settings: object) -> Bridge:
    """Another agent with these settings; the first leaves everything as it is."""
    first = fleet.bridges[bridge_id].agent
    first.send_signal(signal.SIGINT)
    await until(lambda: not first.alive)
    bridge = fleet.start_agent(bridge_id, **settings)
    await until(lambda: bridge.log("esl_connected"))
    return bridge


@contextlib.contextmanager
def no_postgres(fleet: Fleet) -> Iterator[None]:
    """What is asked of the bridges' rows gets no answer but a timeout."""
    with psycopg.connect(libpq_url(fleet.database_url)) as holder:
        holder.execute("LOCK TABLE sip_bridge_node IN ACCESS EXCLUSIVE MODE")
        yield


async def ended_without_way_out(bridge: Bridge) -> None:
    """Its agent has ended. Without one the dialplan takes a call back after seconds: put off."""

    def put_off() -> bool:
        for row in json.loads(bridge.switch.api("show channels as json"))["rows"]:
            bridge.switch.api(f"sched_del {row['uuid']}")
        return not bridge.agent.alive

    await until(lambda: put_off())
    put_off()


async def refused(uri: str) -> int:
    async with Phone() as phone:
        with pytest.raises(CallRefused) as refusal:
            await phone.call(uri, from_number=CALLER_NUMBER)
    return refusal.value.status
