"""An order whose caller has an allergy is not accepted before the kitchen has read of it."""

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.migrations import schema
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.order import Order, OrderStatus
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.erase_caller import erase_caller
from controlplane.restaurants.errors import AllergyUnseen, UnknownOrder
from controlplane.restaurants.order_draft import PlacedOrder
from controlplane.restaurants.order_status import change_order_status, see_allergies
from controlplane.restaurants.place_order import Sessions, place_order
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration


@pytest.fixture
def sessions(seeded: str, database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def order(sessions: Sessions) -> PlacedOrder:
    """The order of a caller who must not eat peanuts."""
    return await place_order(sessions, draft().model_copy(update={"allergy": "arachide"}))


async def move(sessions: Sessions, order: PlacedOrder, *steps: OrderStatus) -> None:
    for to in steps:
        async with sessions.begin() as session:
            await change_order_status(session, DEMO_RESTAURANT_ID, order.id, to=to, actor="test")


async def see(sessions: Sessions, order: PlacedOrder) -> None:
    async with sessions.begin() as session:
        await see_allergies(session, DEMO_RESTAURANT_ID, order.id, actor="kitchen")


async def test_another_tenant_sees_nothing(sessions: Sessions, order: PlacedOrder) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session)
    with pytest.raises(UnknownOrder):
        async with sessions.begin() as session:
            await see_allergies(session, other, order.id, actor="kitchen")


async def test_it_is_stored_in_the_callers_words(sessions: Sessions, order: PlacedOrder) -> None:
    async with sessions() as session:
        allergy = (await session.scalars(select(OrderAllergy))).one()
    assert (allergy.order_id, allergy.words, allergy.acknowledged_at) == (
        order.id,
        "arachide",
        None,
    )


@pytest.mark.parametrize("to", [OrderStatus.ACCEPTED, OrderStatus.REJECTED])
async def test_it_is_not_accepted_before_somebody_has_read_it(
    sessions: Sessions, order: PlacedOrder, to: OrderStatus
) -> None:
    with pytest.raises(AllergyUnseen):
        await move(sessions, order, OrderStatus.ACCEPTED)
    if to is OrderStatus.ACCEPTED:
        await see(sessions, order)
    await move(sessions, order, to)


async def test_it_can_be_cancelled_unseen(sessions: Sessions, order: PlacedOrder) -> None:
    await move(sessions, order, OrderStatus.CANCELLED)


async def test_a_second_tap_changes_nothing_and_tells_nobody(
    sessions: Sessions, order: PlacedOrder
) -> None:
    seen, told = [], []
    for _ in range(2):
        await see(sessions, order)
        async with sessions() as session:
            seen.append(await session.scalar(select(OrderAllergy.acknowledged_at)))
            told.append(await session.scalar(select(func.count(EventOutbox.id))))
    assert (seen[0], told[0]) == (seen[1], told[1])
    assert seen[0] is not None


async def test_it_is_erased_with_its_caller_once_the_order_is_done(
    sessions: Sessions, order: PlacedOrder
) -> None:
    counts = []
    for steps in ((), (OrderStatus.CANCELLED,)):
        await move(sessions, order, *steps)
        async with sessions.begin() as session:
            restaurant = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
            await erase_caller(session, [restaurant], "+33639980134")
            counts.append(await session.scalar(select(func.count(OrderAllergy.id))))
    assert counts == [1, 0]


BEFORE, AFTER = "0016", "0017"


async def test_a_downgrade_keeps_orders_that_ended_in_a_newer_way(
    database_url: str, database: AsyncEngine
) -> None:
    async with async_sessions(database).begin() as session:
        restaurant = await add_restaurant(session)
        for status in (OrderStatus.EXPIRED, OrderStatus.NO_SHOW, OrderStatus.READY):
            await add_order(session, restaurant, status=status)
    await database.dispose()
    schema.downgrade(database_url, revision=BEFORE)
    schema.upgrade(database_url, revision=AFTER)
    async with async_sessions(database)() as session:
        statuses = await session.scalars(select(Order.status).order_by(Order.number))
        assert list(statuses) == ["cancelled", "cancelled", "ready"]
