"""Several bridges, two controllers, a carrier: what is broken, and what becomes of the
registrations and of a call in progress. Everything is asked at the carrier's registrar.
"""

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from controlplane.local.bench.fleet import Fleet
from controlplane.local.bench.probe_caller import hold_calls, is_up
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone
from tests.waiting import stays_true, until

pytestmark = pytest.mark.scenario

log = structlog.get_logger()

BRIDGES, CAPACITY, RESTAURANTS = 4, 20, 12
PACE = 50
REGISTERED_DEADLINE_S = 15.0
"""The aim is 3 s; two cores may be busy with other tests."""
MOVED_DEADLINE_S = 30.0
"""5 s of silence, one look of the controller, REGISTER; or 10 s until a bridge is evened out
with, and its moves."""
OUTAGE_S = 7.0
"""Longer than a bridge may be silent."""
REFRESHED_DEADLINE_S = 75.0
"""A binding of 60 s is refreshed after 45 s at the latest."""
SIPP = Path(__file__).parent / "sipp" / "guests.xml"
GUESTS, GUESTS_PER_SECOND = 20, 5
SIPP_DEADLINE_S = 40.0


@pytest.fixture(scope="module")
def forgotten() -> Iterator["Future[float]"]:
    """How long a carrier that was restarted without its bindings lacks one of them; found out
    while the other scenarios run, for FreeSWITCH refreshes a 60 s binding every 30 s or so.
    """
    with ThreadPoolExecutor(max_workers=1) as beside:
        yield beside.submit(_restart_operator)


def _restart_operator() -> float:
    with Fleet(bridges=1, accounts=3, expire_seconds=60) as fleet:
        fleet.add_restaurants(3)
        fleet.wait_registered(3, deadline_s=MOVED_DEADLINE_S)
        fleet.registrar.stop()
        fleet.registrar.start()
        began = time.monotonic()
        assert not fleet.bindings()
        fleet.wait_registered(3, deadline_s=REFRESHED_DEADLINE_S)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def fleet(forgotten: "Future[float]") -> Iterator[Fleet]:
    with Fleet(
        bridges=BRIDGES,
        accounts=40,
        capacity=CAPACITY,
        registers_per_second=PACE,
        controllers=2,
    ) as fleet:
        fleet.start_worker(slots=4, monologue_s=240)
        fleet.add_restaurants(RESTAURANTS)
        fleet.wait_registered(RESTAURANTS, deadline_s=MOVED_DEADLINE_S)
        yield fleet


@pytest.fixture
async def phone() -> AsyncIterator[Phone]:
    async with Phone() as phone:
        yield phone


async def eventually(
    happened: Callable[[], bool], *, deadline_s: float = MOVED_DEADLINE_S
) -> float:
    """Poll until it is so; how long it took."""
    began = time.monotonic()
    await until(partial(asyncio.to_thread, happened), deadline_s=deadline_s)
    return time.monotonic() - began


def owners(fleet: Fleet) -> dict[str, tuple[str | None, int]]:
    """Bridge and epoch of every account, as Postgres has them."""
    with fleet.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT username, bridge_id, epoch FROM sip_registration")
        ).all()
    return {number: (bridge_id, epoch) for number, bridge_id, epoch in rows}


def settled(fleet: Fleet) -> bool:
    """Nobody is moving, and the newest binding is on the bridge that Postgres names."""
    with fleet.engine.connect() as connection:
        unsettled = connection.scalar(
            text(
                "SELECT count(*) FROM sip_registration WHERE former_bridge_id IS NOT NULL"
                " OR state <> 'REGED' OR state_epoch <> epoch"
            )
        )
    if unsettled:
        return False
    bindings = fleet.bindings()
    return all(
        [fleet.bridge_at(found.address) for found in bindings.get(number, ())][:1] == [bridge_id]
        for number, (bridge_id, _) in owners(fleet).items()
    )


def leader(fleet: Fleet) -> str | None:
    """Which controller leads now."""
    with fleet.engine.connect() as connection:
        holder = connection.scalar(
            text("SELECT holder FROM controller_lease WHERE expires_at > now()")
        )
    return str(holder) if holder else None


async def one_call(fleet: Fleet, phone: Phone, number: str) -> Dialog:
    (dialog,) = await hold_calls(fleet, phone, [number])
    return dialog


async def test_a_restaurant_inserted_is_registered_within_seconds(fleet: Fleet) -> None:
    """
    1. A row in Postgres; nothing else is told.
    2. The carrier has its binding, on a bridge that had the most room.
    """
    before = await asyncio.to_thread(fleet.spread)
    (account,) = await asyncio.to_thread(fleet.add_restaurants, 1)
    took_s = await eventually(
        lambda: bool(fleet.holders(account.number)), deadline_s=REGISTERED_DEADLINE_S
    )
    log.info("measured", registered_s=round(took_s, 1))
    (holder,) = await asyncio.to_thread(fleet.holders, account.number)
    assert before[holder] == min(before[bridge_id] for bridge_id in fleet.bridges)


async def test_the_leader_hangs_and_is_killed_and_restaurants_are_still_placed(
    fleet: Fleet,
) -> None:
    """
    1. SIGSTOP of the controller that leads. The other one leads, and places a new restaurant.
    2. The first goes on: nothing changes hands, nobody is owned twice.
    3. kill -9 of the second: the first leads again and places another one.
    4. kill -9 of the first too. With no controller, what is registered stays; the next restaurant
       is registered within seconds of a controller's start.
    """
    first = await asyncio.to_thread(leader, fleet)
    assert first is not None
    fleet.controllers[first].send_signal(signal.SIGSTOP)
    (account,) = await asyncio.to_thread(fleet.add_restaurants, 1)
    took_s = await eventually(lambda: bool(fleet.holders(account.number)))
    second = await asyncio.to_thread(leader, fleet)
    assert second not in (None, first)
    log.info("measured", registered_s=round(took_s, 1))
    before = await asyncio.to_thread(owners, fleet)
    fleet.controllers[first].send_signal(signal.SIGCONT)

    fleet.kill_controller(second or "")
    (account,) = await asyncio.to_thread(fleet.add_restaurants, 1)
    await eventually(lambda: bool(fleet.holders(account.number)))
    after = await asyncio.to_thread(owners, fleet)
    assert {number: after[number] for number in before} == before
    assert await asyncio.to_thread(leader, fleet) == first

    fleet.kill_controller(first)
    (account,) = await asyncio.to_thread(fleet.add_restaurants, 1)
    bound = {number: fleet.holders(number) for number in after}
    for name in (first, second):
        await asyncio.to_thread(fleet.start_controller, name or "")
    await eventually(lambda: bool(fleet.holders(account.number)))
    assert {number: fleet.holders(number) for number in after} == bound


async def test_redis_is_away_then_empty_and_nothing_moves(fleet: Fleet, phone: Phone) -> None:
    """
    1. A caller talks to the agent. Redis stops for longer than a bridge may be silent.
    2. It comes back empty, and nothing has moved: no failover, the same bindings, the call is up.
    3. A restaurant inserted meanwhile is registered within seconds.
    """
    valkey = fleet.services.valkey
    assert valkey is not None
    await eventually(lambda: settled(fleet))
    before = await asyncio.to_thread(owners, fleet)
    bound = {number: fleet.holders(number) for number in before}
    dialog = await one_call(fleet, phone, fleet.accounts[0].number)
    await asyncio.to_thread(valkey.stop)
    (account,) = await asyncio.to_thread(fleet.add_restaurants, 1)
    await stays_true(lambda: is_up(dialog), for_s=OUTAGE_S)
    assert {number: fleet.holders(number) for number in before} == bound
    await asyncio.to_thread(valkey.start)
    took_s = await eventually(
        lambda: bool(fleet.holders(account.number)), deadline_s=REGISTERED_DEADLINE_S
    )
    log.info("measured", registered_s=round(took_s, 1))
    assert is_up(dialog)
    after = await asyncio.to_thread(owners, fleet)
    assert {number: after[number] for number in before} == before
    assert {number: fleet.holders(number) for number in before} == bound
    await dialog.hangup()


async def test_postgres_restarts_and_nothing_moves(fleet: Fleet, phone: Phone) -> None:
    """
    1. A caller talks to the agent. Postgres is shut down, and started again after a moment.
    2. The call is up, nothing has moved, and the next restaurant is registered within seconds.
    """
    postgres = fleet.services.postgres
    assert postgres is not None
    await eventually(lambda: settled(fleet))
    before = await asyncio.to_thread(owners, fleet)
    dialog = await one_call(fleet, phone, fleet.accounts[1].number)
    await asyncio.to_thread(fleet.engine.dispose)
    await asyncio.to_thread(postgres.stop)
    assert is_up(dialog)
    assert set(fleet.bindings()) == set(before)
    await asyncio.to_thread(postgres.start)
    (account,) = await asyncio.to_thread(fleet.add_restaurants, 1)
    took_s = await eventually(lambda: bool(fleet.holders(account.number)))
    log.info("measured", registered_s=round(took_s, 1))
    assert is_up(dialog)
    after = await asyncio.to_thread(owners, fleet)
    assert {number: after[number] for number in before} == before
    await dialog.hangup()


@pytest.mark.skipif(shutil.which("sipp") is None, reason="no sipp on this machine")
async def test_guests_from_another_sip_stack_are_answered(fleet: Fleet, tmp_path: Path) -> None:
    """
    1. SIPp plays a carrier that sends one bridge twenty guests for its restaurants.
    2. Each is answered, stays for two seconds and ends the call; none fails.
    """
    await eventually(lambda: settled(fleet))
    bridge = fleet.bridges["bridge-0"]
    names = [
        one.gateway_name
        for one in fleet.accounts
        if fleet.holders(one.number)[0] == bridge.bridge_id
    ]
    lines = [f"{names[index % len(names)]};{index:04d}" for index in range(GUESTS)]
    (tmp_path / "guests.csv").write_text("\n".join(["SEQUENTIAL", *lines, ""]))
    process = await asyncio.create_subprocess_exec(
        *("sipp", bridge.sip_address, "-sf", str(SIPP), "-inf", "guests.csv", "-i", "127.0.0.1"),
        *("-m", str(GUESTS), "-r", str(GUESTS_PER_SECOND), "-nostdin"),
        *("-timeout", "30s", "-timeout_error"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(SIPP_DEADLINE_S):
        assert await process.wait() == 0


async def test_three_ways_to_lose_a_bridge_then_they_come_back(fleet: Fleet, phone: Phone) -> None:
    """
    1. At one instant: kill -9 of a whole bridge, of another one's agent, of a third one's
       FreeSWITCH. A caller talks on the bridge that is left.
    2. All registrations are on that one within seconds; the call is up.
    3. The three come back: loads are evened out, and the call goes on while its restaurant's
       registration moves away from under it.
    """
    await eventually(lambda: settled(fleet))
    left = fleet.holders(fleet.accounts[2].number)[0]
    dialog = await one_call(fleet, phone, fleet.accounts[2].number)
    whole, agent, switch = (one for name, one in fleet.bridges.items() if name != left)
    numbers = {account.number for account in fleet.accounts}
    whole.kill()
    agent.agent.send_signal(signal.SIGKILL)
    switch.switch.process.send_signal(signal.SIGKILL)
    took_s = await eventually(lambda: all(fleet.holders(one)[:1] == [left] for one in numbers))
    log.info("measured", failed_over_s=round(took_s, 1))
    assert is_up(dialog)

    for bridge in (whole, switch):
        await asyncio.to_thread(bridge.start_switch)
    for bridge in (whole, agent):
        await asyncio.to_thread(bridge.start_agent)
    took_s = await eventually(
        lambda: settled(fleet) and max(fleet.spread().values()) <= len(numbers) / 4 + 2,
        deadline_s=2 * MOVED_DEADLINE_S,
    )
    log.info("measured", evened_out_s=round(took_s, 1))
    assert is_up(dialog)
    await dialog.hangup()


async def test_an_operator_that_forgot_its_bindings_has_them_again_after_a_refresh(
    forgotten: "Future[float]",
) -> None:
    """
    1. The carrier's registrar restarts and knows nobody. FreeSWITCH cannot tell.
    2. Every account is bound again with its next refresh: within its own expiry.
    """
    took_s = await asyncio.wrap_future(forgotten)
    log.info("measured", refreshed_s=round(took_s, 1))
    assert took_s <= 60.0
