"""A correction replaces its order in one commit: there are never two to be made, nor none."""

import asyncio

import pytest
from psycopg.errors import CheckViolation
from sqlalchemy import Update, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.order import NEXT_STATUSES, Order, OrderEvent, OrderStatus
from controlplane.restaurants.errors import NotReplaceable, UnknownOrder
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from controlplane.restaurants.place_order import Sessions, place_order, settle_order
from controlplane.restaurants.replace_order import REPLACEABLE
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.order_drafts import draft

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("seeded")]

TOO_LATE = sorted(set(OrderStatus) - REPLACEABLE - {OrderStatus.OUT_FOR_DELIVERY})  # it is fetched


@pytest.fixture
def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def first(seeded: str, sessions: Sessions) -> PlacedOrder:
    """The order that is to be corrected."""
    return await place_order(sessions, draft("call:1:a"))


def correction(first: PlacedOrder, key: str = "call:3:b") -> OrderDraft:
    """Three pizzas instead of two."""
    return draft(key, pizzas=3).model_copy(update={"replaces_id": first.id})


async def stored(sessions: Sessions) -> list[tuple[int, str]]:
    """Number and status of each order there is."""
    async with sessions() as session:
        rows = await session.execute(select(Order.number, Order.status).order_by(Order.number))
        return [(number, status) for number, status in rows]


async def commit(sessions: Sessions, statement: Update) -> None:
    async with sessions.begin() as session:
        await session.execute(statement)


async def set_status(sessions: Sessions, status: OrderStatus) -> None:
    await commit(sessions, update(Order).values(status=status))


async def test_another_tenant_sees_nothing(sessions: Sessions) -> None:
    """Neither can its order be replaced."""
    async with sessions.begin() as session:
        theirs = await add_order(session, await add_restaurant(session))
    with pytest.raises(UnknownOrder):
        await place_order(sessions, draft().model_copy(update={"replaces_id": theirs}))
    assert await stored(sessions) == [(1, "placed")]


async def test_a_correction_cancels_what_it_replaces_and_tells_the_kitchen(
    sessions: Sessions, first: PlacedOrder
) -> None:
    second = await place_order(sessions, correction(first))
    assert await stored(sessions) == [(1, "cancelled"), (2, "placed")]
    async with sessions() as session:
        assert await session.scalar(select(Order.replaces_id).where(Order.id == second.id)) == (
            first.id
        )
        cancelled = select(OrderEvent.order_id).where(OrderEvent.to_status == "cancelled")
        assert await session.scalar(cancelled) == first.id
        told = await session.scalars(select(EventOutbox.payload).order_by(EventOutbox.id))
        assert [payload["order_id"] for payload in told] == [
            str(order.id) for order in (first, second, first)
        ]


@pytest.mark.usefixtures("unhurried")
async def test_the_same_correction_at_the_same_time_is_one(
    sessions: Sessions, first: PlacedOrder
) -> None:
    orders = await asyncio.gather(*(place_order(sessions, correction(first)) for _ in range(6)))
    assert len({order.id for order in orders}) == 1
    assert await stored(sessions) == [(1, "cancelled"), (2, "placed")]


@pytest.mark.usefixtures("unhurried")
async def test_of_two_corrections_at_the_same_time_one_is_refused(
    sessions: Sessions, first: PlacedOrder
) -> None:
    results = await asyncio.gather(
        *(place_order(sessions, correction(first, f"call:3:{n}")) for n in range(6)),
        return_exceptions=True,
    )
    assert [type(result) for result in results].count(NotReplaceable) == 5
    assert await stored(sessions) == [(1, "cancelled"), (2, "placed")]


@pytest.mark.parametrize("status", TOO_LATE)
async def test_too_late_is_refused_and_leaves_the_first_as_it_is(
    sessions: Sessions, first: PlacedOrder, status: OrderStatus
) -> None:
    await set_status(sessions, status)
    with pytest.raises(NotReplaceable):
        await place_order(sessions, correction(first))
    assert await stored(sessions) == [(1, status)]


@pytest.mark.parametrize("status", [OrderStatus.PREPARING, OrderStatus.COMPLETED])
async def test_a_promised_correction_is_placed_whatever_became_of_the_first(
    sessions: Sessions, first: PlacedOrder, status: OrderStatus
) -> None:
    """What can still be cancelled is; the kitchen calls back in any case."""
    await set_status(sessions, status)
    await settle_order(sessions, correction(first))
    await settle_order(sessions, correction(first))
    terminal = not NEXT_STATUSES[status]
    assert await stored(sessions) == [(1, status if terminal else "cancelled"), (2, "placed")]


async def test_the_database_takes_no_second_order_beside_a_live_one(
    sessions: Sessions, first: PlacedOrder
) -> None:
    async with sessions.begin() as session:
        other = await add_order(session, DEMO_RESTAURANT_ID)
        beside = update(Order).where(Order.id == other).values(replaces_id=first.id)
    with pytest.raises(IntegrityError) as refused:
        await commit(sessions, beside)
    assert isinstance(refused.value.orig, CheckViolation)


@pytest.mark.parametrize(
    "status", [status for status, following in NEXT_STATUSES.items() if not following]
)
async def test_the_database_lets_no_order_be_reopened(
    sessions: Sessions, status: OrderStatus
) -> None:
    async with sessions.begin() as session:
        await add_order(session, DEMO_RESTAURANT_ID, status=status)
    with pytest.raises(IntegrityError):
        await set_status(sessions, OrderStatus.PLACED)
    await set_status(sessions, status)
