"""A bridge is drained: no call is cut, no binding is left behind, and one is always there.

Two switches with an agent each, a controller, and a registrar and callers in this process; on the
simulator, then on the real FreeSWITCH.
"""

import asyncio
import contextlib
import functools
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
from redis.asyncio import Redis

from aiworker.media.server import MediaServer
from controlplane.contracts import redis_keys
from controlplane.contracts.messages import BridgeHeartbeat, DrainStep, Started
from controlplane.database import libpq_url, sync_engine
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.services import LocalServices
from freeswitch.simulator.registrar import Registrar
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import CallRefused, Phone
from tests.accounts import SECRET_KEYS, add_account, add_carrier
from tests.integration.bridge_under_test import (
    ACCOUNT_PASSWORD,
    CALLER_NUMBER,
    READY_S,
    SWITCHES,
    Bridge,
    Stream,
    Worker,
    fresh_database,
    open_switch,
    run_bridge,
    short_prompts,
)
from tests.waiting import elapse, stays_true, until

pytestmark = pytest.mark.integration

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
        with psycopg.connect(libpq_url(self.database_url), autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

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
        with BlockingRedis.from_url(self.redis_url, decode_responses=True) as redis:
            body = redis.get(redis_keys.bridge_heartbeat(bridge_id))
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
        """A command, to its end: exit code and output."""
        process = self.alloresto(*arguments)
        await until(lambda: not process.alive, deadline_s=READY_S)
        assert process.returncode is not None
        return process.returncode, self.output()


@contextlib.contextmanager
def running_fleet(
    kind: str, services: LocalServices, template: str, folder: Path
) -> Iterator[Fleet]:
    with fresh_database(services, template) as database_url, contextlib.ExitStack() as stack:
        fleet = Fleet(
            kind, folder, short_prompts(folder / "sounds"), database_url, services.redis_url, stack
        )
        with BlockingRedis.from_url(services.redis_url) as redis:
            redis.flushall()
        stack.enter_context(
            ManagedProcess(
                [sys.executable, "-m", "controlplane.cli", "run", "controller"],
                name="controller",
                env={
                    **os.environ,
                    "DATABASE_URL": database_url,
                    "REDIS_URL": services.redis_url,
                    "ALLORESTO_SECRET_KEYS": SECRET_KEYS,
                },
                log_file=folder / "controller.log",
            )
        )
        for bridge_id in ("b-1", "b-2"):
            agent = fleet.start(bridge_id).agent
            agent.wait_for(functools.partial(fleet.is_known, bridge_id), deadline=READY_S)
        yield fleet


@pytest.fixture(scope="module", params=SWITCHES)
def fleet(
    request: pytest.FixtureRequest,
    services: LocalServices,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Fleet]:
    folder: Path = tmp_path_factory.mktemp(f"fleet-{request.param}")
    with running_fleet(request.param, services, migrated_template, folder) as fleet:
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


@pytest.fixture
async def carrier(fleet: Fleet) -> AsyncIterator[Carrier]:
    """Four restaurants, registered, two on each bridge."""
    names = [f"r{n}-{uuid4().hex[:8]}" for n in range(4)]
    registrar = Registrar(dict.fromkeys(names, ACCOUNT_PASSWORD))
    host, port = await registrar.open()
    carrier = Carrier(registrar, f"{host}:{port}", names)
    fleet.add(*names, registrar=carrier.address)
    try:
        await settled(fleet, carrier)
        yield carrier
        fleet.forget()
        await until(
            lambda: not any(b.gateways() for b in fleet.bridges.values() if b.switch.alive),
            deadline_s=READY_S,
        )
    finally:
        registrar.close()


async def settled(fleet: Fleet, carrier: Carrier) -> None:
    """All are registered, evenly."""
    await until(
        lambda: [len(fleet.owned(one)) for one in ("b-1", "b-2")] == [2, 2],
        deadline_s=READY_S + DRAIN_S,
    )


async def takes_registrations(fleet: Fleet, bridge: Bridge, carrier: Carrier) -> None:
    """The emptiest bridge gets the next restaurant."""
    bridge_id = next(name for name, one in fleet.bridges.items() if one is bridge)
    await until(lambda: fleet.is_known(bridge_id), deadline_s=READY_S)
    (name,) = carrier.more(fleet, 1)
    await until(lambda: name in fleet.owned(bridge_id), deadline_s=READY_S)
    assert carrier.bridges_of(name, fleet) == {bridge_id}


@pytest.fixture
async def worker(fleet: Fleet) -> AsyncIterator[Worker]:
    client = Redis.from_url(fleet.redis_url, decode_responses=True)
    async with MediaServer(host="127.0.0.1", port=0).listening() as media:
        yield Worker(client, media)
    await client.aclose()


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


@pytest.fixture
async def watched(carrier: Carrier) -> AsyncIterator[Carrier]:
    watching = asyncio.create_task(carrier.watch())
    yield carrier
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


async def until_step(fleet: Fleet, bridge_id: str, step: DrainStep | None) -> None:
    await until(lambda: fleet.step(bridge_id) is step, deadline_s=DRAIN_S)


async def until_gone(bridge: Bridge) -> None:
    """Its agent and its FreeSWITCH have ended by themselves, well."""
    await until(lambda: not (bridge.agent.alive or bridge.switch.alive), deadline_s=DRAIN_S)
    assert (bridge.agent.returncode, bridge.switch.process.returncode) == (0, 0)


async def replaced_agent(fleet: Fleet, bridge_id: str, **settings: object) -> Bridge:
    """Another agent with these settings; the first leaves everything as it is."""
    first = fleet.bridges[bridge_id].agent
    first.send_signal(signal.SIGINT)
    await until(lambda: not first.alive)
    bridge = fleet.start_agent(bridge_id, **settings)
    await until(lambda: bridge.log("esl_connected"), deadline_s=READY_S)
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


async def test_a_drain_called_off_leaves_everything_as_it_was(
    fleet: Fleet, watched: Carrier, worker: Worker
) -> None:
    """
    1. A call is up on b-1, which is drained: its registrations move, it takes no more calls.
       Who watches may stop watching.
    2. Called off: it takes calls and registrations again; the call never noticed.
    """
    name = sorted(fleet.owned("b-1"))[0]
    async with a_call(fleet, worker, "b-1", name) as call:
        command = fleet.alloresto("bridge", "drain", "b-1", "--wait")
        await until_step(fleet, "b-1", DrainStep.CLOSED)
        command.send_signal(signal.SIGINT)
        await until(lambda: not command.alive)
        assert command.returncode == 130
        assert "b-1 drains on" in fleet.output()
        assert len(fleet.owned("b-2")) == len(watched.names)
        assert all(watched.bridges_of(one, fleet) == {"b-2"} for one in watched.names)
        assert await refused(fleet.bridges["b-1"].uri(name)) == 503

        code, output = await fleet.run("bridge", "resume", "b-1")
        assert code == 0, output
        await until_step(fleet, "b-1", None)
        assert fleet.bridges["b-1"].switch.api("fsctl pause_check inbound") == "false"
        await settled(fleet, watched)
        assert call.up
        assert await call.stream.message(Started)
    assert watched.unreachable == []


async def test_a_drain_cuts_no_call_and_leaves_no_binding(
    fleet: Fleet, watched: Carrier, worker: Worker
) -> None:
    """
    1. Two calls are up on b-1. An admin drains it, and watches.
    2. Its registrations move; a call that comes in meanwhile is one more that ends by itself.
    3. With the last call FreeSWITCH and the agent end; the admin's command too, with 0.
    4. Started again, b-1 takes registrations.
    """
    first, second = sorted(fleet.owned("b-1"))
    bridge = fleet.bridges["b-1"]
    async with a_call(fleet, worker, "b-1", first) as one:
        async with a_call(fleet, worker, "b-1", second) as other:
            command = fleet.alloresto("bridge", "drain", "b-1", "--wait", "--json")
            await until_step(fleet, "b-1", DrainStep.CLOSED)
            assert all(watched.bridges_of(n, fleet) == {"b-2"} for n in watched.names)
            assert one.up
            assert other.up
        # Long enough for a drain that forgot the other call.
        await stays_true(lambda: one.up and bridge.switch.alive, for_s=1.0)
    await until_gone(bridge)
    assert watched.unreachable == []
    assert all(watched.bridges_of(n, fleet) == {"b-2"} for n in watched.names)

    await until(lambda: not command.alive, deadline_s=DRAIN_S)
    assert command.returncode == 0, fleet.output()
    said = [json.loads(line) for line in fleet.output().splitlines()]
    assert said[-1]["left"] == 0
    assert said[-1]["moved"] == 2
    assert {"moving", "closed"} <= {line["step"] for line in said}

    await takes_registrations(fleet, fleet.start("b-1"), watched)


async def test_sigterm_drains_and_the_next_agent_goes_on(
    fleet: Fleet, watched: Carrier, worker: Worker
) -> None:
    """
    1. SIGTERM with a call up: as a drain asked for.
    2. kill -9 of the agent in the middle; the next one goes on where Postgres and FreeSWITCH are.
    3. Nothing was cut, nothing is left.
    """
    name = sorted(fleet.owned("b-2"))[0]
    async with a_call(fleet, worker, "b-2", name) as call:
        bridge = fleet.bridges["b-2"]
        bridge.agent.send_signal(signal.SIGTERM)
        await until_step(fleet, "b-2", DrainStep.CLOSED)
        bridge.agent.send_signal(signal.SIGKILL)
        await ended_without_way_out(bridge)
        bridge = fleet.start_agent("b-2")
        await until(lambda: bridge.log("drain_step")[1:], deadline_s=READY_S)
        assert call.up
        assert bridge.switch.api("fsctl pause_check inbound") == "true"
    await until_gone(bridge)
    assert watched.unreachable == []
    assert all(watched.bridges_of(n, fleet) == {"b-1"} for n in watched.names)
    await takes_registrations(fleet, fleet.start("b-2"), watched)


@ON_THE_SIMULATOR
async def test_without_room_elsewhere_registrations_stay_where_they_are(
    fleet: Fleet, watched: Carrier, worker: Worker
) -> None:
    """
    1. Both bridges are full: the drain is refused, and the command says how many have no room.
    2. Forced, it waits, with every registration kept and every call taken.
    3. Some restaurants leave: the others move, and the drain ends.
    """
    more = watched.more(fleet, 2 * CAPACITY - len(watched.names))
    await until(lambda: len(fleet.owned("b-1")) == CAPACITY, deadline_s=READY_S)
    code, output = await fleet.run("bridge", "drain", "b-1")
    assert code == 1
    assert f"{CAPACITY} of {CAPACITY} registrations on b-1 have no room" in output

    code, output = await fleet.run("bridge", "drain", "b-1", "--force")
    assert code == 0, output
    await until_step(fleet, "b-1", DrainStep.MOVING)
    code, output = await fleet.run("bridge", "drain", "b-1")
    assert f"{CAPACITY}  no room on another bridge" in output
    name = sorted(fleet.owned("b-1") & set(watched.names))[0]
    async with a_call(fleet, worker, "b-1", name) as call:
        assert len(fleet.owned("b-1")) == CAPACITY
        fleet.forget(*more)
        await until_step(fleet, "b-1", DrainStep.CLOSED)
        assert call.up
    await until_gone(fleet.bridges["b-1"])
    assert watched.unreachable == []
    await takes_registrations(fleet, fleet.start("b-1"), watched)


@ON_THE_SIMULATOR
async def test_a_registration_refused_elsewhere_keeps_its_binding(
    fleet: Fleet, watched: Carrier, worker: Worker
) -> None:
    """
    1. The carrier answers 403 to one account on its new bridge: the old binding stays, and serves.
    2. The command says which, where and the code.
    3. The carrier takes it again, an admin asks for another try: the drain ends.
    """
    name, other = sorted(fleet.owned("b-1"))
    watched.registrar.answer_with(FORBIDDEN, name)
    await fleet.run("bridge", "drain", "b-1")
    state = "SELECT state FROM sip_registration WHERE gateway_name = %s"
    await until(
        lambda: fleet.query(state, name)[0][0] in ("FAIL_WAIT", "SUSPENDED"),
        deadline_s=DRAIN_S,
    )
    await until(lambda: watched.bridges_of(other, fleet) == {"b-2"}, deadline_s=READY_S)
    _, output = await fleet.run("bridge", "drain", "b-1")
    assert f"{name}: " in output
    assert "on b-2" in output
    assert "403" in output
    assert fleet.step("b-1") is DrainStep.MOVING
    assert watched.bridges_of(name, fleet) == {"b-1"}
    async with a_call(fleet, worker, "b-1", name) as call:
        assert call.up

    watched.registrar.answer_with(None, name)
    fleet.query("UPDATE sip_registration SET auth_failures = 0, next_retry_at = NULL")
    await until_gone(fleet.bridges["b-1"])
    assert watched.bridges_of(name, fleet) == {"b-2"}
    assert watched.unreachable == []
    await takes_registrations(fleet, fleet.start("b-1"), watched)


@ON_THE_SIMULATOR
async def test_at_the_deadline_no_binding_is_left_behind(
    fleet: Fleet, carrier: Carrier, worker: Worker
) -> None:
    """
    1. SIGTERM, a call up, no room elsewhere, and Postgres hangs: it waits, in vain.
    2. At the deadline the agent ends; nothing of b-2 is left at the registrar.
    3. FreeSWITCH ends with its last call.
    """
    more = carrier.more(fleet, 2 * CAPACITY - len(carrier.names))
    await until(lambda: len(fleet.owned("b-2")) == CAPACITY, deadline_s=READY_S)
    names = fleet.owned("b-2")
    # Twice what a statement may take: the new agent may be waiting for one when SIGTERM comes.
    bridge = await replaced_agent(fleet, "b-2", drain_deadline_s=6)
    async with a_call(fleet, worker, "b-2", sorted(names)[0]) as call:
        with no_postgres(fleet):
            bridge.agent.send_signal(signal.SIGTERM)
            await until_step(fleet, "b-2", DrainStep.MOVING)
            assert all(carrier.registrar.contacts(one) for one in names)
            await until(lambda: not bridge.agent.alive, deadline_s=DRAIN_S)
        assert bridge.agent.returncode == 0
        assert not any(carrier.registrar.contacts(one) for one in names)
        (cut,) = bridge.log("drain_deadline_reached")
        assert (set(cut["registrations"]), cut["active_calls"]) == (names, 1)
        assert call.up
        assert bridge.switch.alive
    await until(lambda: not bridge.switch.alive, deadline_s=DRAIN_S)
    fleet.forget(*more)
    await until(lambda: len(fleet.owned("b-1")) == len(carrier.names), deadline_s=READY_S)
    await takes_registrations(fleet, fleet.start("b-2"), carrier)


@ON_THE_SIMULATOR
async def test_a_second_sigterm_ends_the_agent_at_once(
    fleet: Fleet, watched: Carrier, worker: Worker
) -> None:
    """And keeps the call; an admin takes the bridge back from the next agent."""
    bridge = fleet.bridges["b-2"]
    async with a_call(fleet, worker, "b-2", sorted(fleet.owned("b-2"))[0]) as call:
        bridge.agent.send_signal(signal.SIGTERM)
        await until_step(fleet, "b-2", DrainStep.CLOSED)
        code, output = await fleet.run("bridge", "resume", "b-2")
        assert code == 1
        assert "SIGTERM" in output
        bridge.agent.send_signal(signal.SIGTERM)
        await ended_without_way_out(bridge)
        assert bridge.agent.returncode == 0
        assert call.up
        bridge = fleet.start_agent("b-2")
        await until(lambda: bridge.log("drain_step")[1:], deadline_s=READY_S)
        await until_step(fleet, "b-2", DrainStep.CLOSED)
        code, output = await fleet.run("bridge", "resume", "b-2")
        assert code == 0, output
        assert call.up
    assert bridge.switch.api("fsctl pause_check inbound") == "false"
    assert watched.unreachable == []
    await takes_registrations(fleet, bridge, watched)


@ON_THE_SIMULATOR
async def test_a_draining_bridge_waits_for_postgres_and_redis(
    fleet: Fleet, watched: Carrier, worker: Worker
) -> None:
    """
    1. Drained, with a call up; then neither Postgres nor Redis answers.
    2. The call ends: whether the bridge is still to go is not known, so it stays.
    3. They are back: it ends.
    """
    bridge = fleet.bridges["b-1"]
    async with a_call(fleet, worker, "b-1", sorted(fleet.owned("b-1"))[0]) as call:
        await fleet.run("bridge", "drain", "b-1")
        await until_step(fleet, "b-1", DrainStep.CLOSED)
        hanging = contextlib.ExitStack()
        hanging.enter_context(no_postgres(fleet))
        with BlockingRedis.from_url(fleet.redis_url) as redis:
            redis.execute_command("CLIENT", "PAUSE", "2000", "ALL")
        await until(lambda: bridge.log("drain_hindered"))
        assert call.up
    await until(lambda: "0 total" in bridge.switch.api("show channels count"))
    # Three looks.
    await stays_true(lambda: bridge.agent.alive and bridge.switch.alive, for_s=1.5)
    hanging.close()
    await until_gone(bridge)
    assert watched.unreachable == []
    await takes_registrations(fleet, fleet.start("b-1"), watched)


@ON_THE_SIMULATOR
async def test_the_list_has_a_line_for_each_bridge(fleet: Fleet, carrier: Carrier) -> None:
    code, output = await fleet.run("bridge", "list", "--json")
    assert code == 0, output
    bridges = {one["bridge"]: one for one in map(json.loads, output.splitlines())}
    assert set(bridges) == {"b-1", "b-2"}
    for name, one in bridges.items():
        assert one["address"] == fleet.bridges[name].switch.sip_address
        assert (one["alive"], one["drain"], one["calls"]) == (True, None, 0)
        assert (one["assigned"], one["capacity"]) == (2, CAPACITY)
    _, text = await fleet.run("bridge", "list")
    titles, *lines = text.splitlines()
    assert titles.split()[:4] == ["BRIDGE", "ADDRESS", "ALIVE", "DRAIN"]
    assert [line.split()[0] for line in lines] == ["b-1", "b-2"]
    for command in ("drain", "resume"):
        code, output = await fleet.run("bridge", command, "b-9")
        assert code == 1
        assert output.startswith("alloresto: no bridge is called 'b-9'; bridges: b-")
    code, output = await fleet.run("bridge", "resume", "b-1")
    assert (code, output) == (1, "alloresto: b-1 is not being drained\n")
