"""A slot never takes more than its pacing rule allows, however many want it at once, and gives back
exactly what was taken.
"""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import OpeningKind
from controlplane.database import async_sessions
from controlplane.local.bench.slot_overruns import slot_overruns
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.order import NEVER_MADE, Order, OrderStatus
from controlplane.models.pacing import PacingRule, PacingUnit, SlotCounter
from controlplane.restaurants.decision import RuleType
from controlplane.restaurants.errors import SlotFull
from controlplane.restaurants.order_locks import lock_orders
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.place_order import Sessions, place_order, settle_order
from controlplane.restaurants.slots import Load, SlotRequest, release_slot, take_slot
from tests.integration.order_drafts import draft
from tests.waiting import stays_true

pytestmark = pytest.mark.integration

SLOT = datetime(2026, 11, 27, 19, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


@pytest.fixture
def sessions(seeded: str, database: AsyncEngine) -> Sessions:
    assert seeded
    return async_sessions(database)


async def allow(sessions: Sessions, most: int, **changed: Any) -> UUID:
    given = {
        "kinds": [OpeningKind.PICKUP],
        "slot_minutes": 15,
        "unit": PacingUnit.ORDERS,
        "restaurant_id": DEMO_RESTAURANT_ID,
    }
    rule = PacingRule(id=new_id(), most=most, **(given | changed))
    async with sessions.begin() as session:
        session.add(rule)
    return rule.id


def request(**changed: Any) -> SlotRequest:
    given: dict[str, Any] = {
        "restaurant_id": DEMO_RESTAURANT_ID,
        "holder_id": new_id(),
        "kind": OpeningKind.PICKUP,
        "at": SLOT,
        "latest": SLOT,
        "load": Load(orders=1, items=3, cents=2_450),
    }
    return SlotRequest(**(given | changed))


async def take(sessions: Sessions, wanted: SlotRequest) -> datetime:
    async with sessions.begin() as session:
        return await take_slot(session, wanted)


async def used(sessions: Sessions) -> list[int]:
    async with sessions() as session:
        return list(await session.scalars(select(SlotCounter.used).order_by(SlotCounter.used)))


async def test_another_tenant_sees_nothing(sessions: Sessions) -> None:
    await allow(sessions, 1)
    mine = request()
    await take(sessions, mine)
    assert await take(sessions, request(restaurant_id=UUID(int=7))) == SLOT
    async with sessions.begin() as session:
        await release_slot(session, UUID(int=7), mine.holder_id)
    assert await used(sessions) == [1]


async def test_parallel_orders_never_exceed_a_slot(database_url: str) -> None:
    race = await slot_overruns(database_url, orders=20, most=6)
    assert (race.taken, race.counted, race.overruns) == (6, 6, 0)
    assert race.refused_with_a_possibility == 14


async def test_a_full_slot_names_its_rule_and_the_next_with_room(sessions: Sessions) -> None:
    rule = await allow(sessions, 1)
    for quarters in (0, 1):
        await take(sessions, request(at=SLOT + quarters * QUARTER, latest=SLOT + QUARTER))
    with pytest.raises(SlotFull) as refused:
        await take(sessions, request(at=SLOT + timedelta(minutes=3)))
    assert (refused.value.rule.type, refused.value.rule.key) == (RuleType.PACING, str(rule))
    assert refused.value.following.at == SLOT + 2 * QUARTER
    assert await take(sessions, request(latest=SLOT + 2 * QUARTER)) == SLOT + 2 * QUARTER


async def test_what_is_larger_than_any_slot_is_told_so(sessions: Sessions) -> None:
    await allow(sessions, 2, unit=PacingUnit.ITEMS)
    with pytest.raises(SlotFull) as refused:
        await take(sessions, request(latest=SLOT + QUARTER))
    assert refused.value.following.at is None
    assert refused.value.following.sentence
    assert await used(sessions) == []


async def test_rules_are_taken_all_or_none_and_bind_their_kinds_only(sessions: Sessions) -> None:
    await allow(sessions, 5)
    await allow(sessions, 5_000, unit=PacingUnit.CENTS, slot_minutes=60)
    for _ in range(2):
        await take(sessions, request())
    with pytest.raises(SlotFull):
        await take(sessions, request())
    assert await used(sessions) == [2, 4_900]
    await take(sessions, request(kind=OpeningKind.DELIVERY))
    assert await used(sessions) == [2, 4_900]


async def test_a_rule_of_some_hours_binds_in_them_only(sessions: Sessions) -> None:
    await allow(sessions, 1, weekdays=[SLOT.weekday()], opens=time(19), closes=time(19, 30))
    await allow(sessions, 1, weekdays=[(SLOT.weekday() + 1) % 7])
    await take(sessions, request())
    with pytest.raises(SlotFull) as refused:
        await take(sessions, request(at=SLOT + timedelta(minutes=3)))
    assert refused.value.following.at == SLOT + QUARTER
    await take(sessions, request(at=SLOT + QUARTER))
    assert await take(sessions, request(latest=SLOT + 2 * QUARTER)) == SLOT + 2 * QUARTER
    assert await take(sessions, request(at=SLOT + 2 * QUARTER)) == SLOT + 2 * QUARTER
    assert await used(sessions) == [1, 1]


async def test_a_slot_is_given_back_once(sessions: Sessions) -> None:
    await allow(sessions, 2)
    first, second = request(), request()
    await take(sessions, first)
    await take(sessions, second)
    for _ in range(2):
        async with sessions.begin() as session:
            await release_slot(session, DEMO_RESTAURANT_ID, first.holder_id)
    assert await used(sessions) == [1]


async def test_an_order_is_promised_the_slot_it_took_and_a_rejected_one_gives_it_back(
    sessions: Sessions,
) -> None:
    await allow(sessions, 1)
    first, second = [await place_order(sessions, draft()) for _ in range(2)]
    assert timedelta() < second.ready_at_local - first.ready_at_local <= QUARTER
    assert second.ready_at_local.minute % 15 == 0
    async with sessions.begin() as session:
        await change_order_status(
            session, DEMO_RESTAURANT_ID, first.id, to=OrderStatus.REJECTED, actor="web"
        )
    assert await used(sessions) == [0, 1]


async def test_a_settled_order_is_counted_and_refused_by_no_full_slot(sessions: Sessions) -> None:
    """It is promised already: the slot it takes is taken, and without room it is placed as well."""
    await allow(sessions, 1)
    settled = await settle_order(sessions, draft("call:1:a"))
    assert await used(sessions) == [1]
    later = await place_order(sessions, draft("call:2:a"))
    assert later.ready_at_local > settled.ready_at_local
    async with sessions.begin() as session:
        await session.execute(update(PacingRule).values(unit=PacingUnit.ITEMS))
    assert (await settle_order(sessions, draft("call:3:a"))).number == 3


@pytest.mark.parametrize("to", sorted(NEVER_MADE))
async def test_what_gives_a_slot_back_waits_for_whoever_takes_one(
    sessions: Sessions, to: OrderStatus
) -> None:
    """Two rules give back and are taken in either order, so never at the same time."""
    order = await place_order(sessions, draft())

    async def move() -> None:
        async with sessions.begin() as session:
            await change_order_status(session, DEMO_RESTAURANT_ID, order.id, to=to, actor="web")

    async with sessions.begin() as placing:
        await lock_orders(placing, DEMO_RESTAURANT_ID)
        moving = asyncio.create_task(move())
        await stays_true(lambda: not moving.done(), for_s=0.2)
        row = Order.id == order.id
        assert await placing.scalar(select(Order.id).where(row).with_for_update(nowait=True))
    await moving
