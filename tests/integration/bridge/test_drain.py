"""A bridge is drained: no call is cut, no binding is left behind, and one is always there.

Two switches with an agent each, a controller, and a registrar and callers in this process; on the
simulator, then on the real FreeSWITCH.
"""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from aiworker.media.server import MediaServer
from controlplane.contracts.heartbeats import DrainStep
from controlplane.contracts.messages import Started
from controlplane.local.launch.services import LocalServices
from freeswitch.simulator.registrar import Registrar
from tests.integration.bridge_under_test import ACCOUNT_PASSWORD, SWITCHES, Worker
from tests.integration.draining_fleet import (
    CAPACITY,
    FORBIDDEN,
    ON_THE_SIMULATOR,
    Carrier,
    Fleet,
    a_call,
    ended_without_way_out,
    no_postgres,
    refused,
    replaced_agent,
    running_fleet,
    settled,
    takes_registrations,
    until_gone,
    until_step,
)
from tests.waiting import stays_true, until

pytestmark = pytest.mark.integration


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
        await until(lambda: not any(b.gateways() for b in fleet.bridges.values() if b.switch.alive))
    finally:
        registrar.close()


@pytest.fixture
async def worker(fleet: Fleet) -> AsyncIterator[Worker]:
    client = Redis.from_url(fleet.redis_url, decode_responses=True)
    async with MediaServer(host="127.0.0.1", port=0).listening() as media:
        yield Worker(client, media)
    await client.aclose()


@pytest.fixture
async def watched(carrier: Carrier) -> AsyncIterator[Carrier]:
    watching = asyncio.create_task(carrier.watch())
    yield carrier
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching


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

    await until(lambda: not command.alive)
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
        await until(lambda: bridge.log("drain_step")[1:])
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
    await until(lambda: len(fleet.owned("b-1")) == CAPACITY)
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
    await until(lambda: fleet.query(state, name)[0][0] in ("FAIL_WAIT", "SUSPENDED"))
    await until(lambda: watched.bridges_of(other, fleet) == {"b-2"})
    _, output = await fleet.run("bridge", "drain", "b-1")
    assert f"{name}: " in output
    assert "on b-2" in output
    assert "403" in output
    await until_step(fleet, "b-1", DrainStep.MOVING)
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
    await until(lambda: len(fleet.owned("b-2")) == CAPACITY)
    names = fleet.owned("b-2")
    # Twice what a statement may take: the new agent may be waiting for one when SIGTERM comes.
    bridge = await replaced_agent(fleet, "b-2", drain_deadline_s=6)
    async with a_call(fleet, worker, "b-2", sorted(names)[0]) as call:
        with no_postgres(fleet):
            bridge.agent.send_signal(signal.SIGTERM)
            await until_step(fleet, "b-2", DrainStep.MOVING)
            assert all(carrier.registrar.contacts(one) for one in names)
            await until(lambda: not bridge.agent.alive)
        assert bridge.agent.returncode == 0
        assert not any(carrier.registrar.contacts(one) for one in names)
        (cut,) = bridge.log("drain_deadline_reached")
        assert (set(cut["registrations"]), cut["active_calls"]) == (names, 1)
        assert call.up
        assert bridge.switch.alive
    await until(lambda: not bridge.switch.alive)
    fleet.forget(*more)
    await until(lambda: len(fleet.owned("b-1")) == len(carrier.names))
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
        await until(lambda: bridge.log("drain_step")[1:])
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
