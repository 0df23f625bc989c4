"""An order that is typed at the restaurant is placed once, as the site's role may, with who took it
and for when; what was typed is never placed at another price or time than was shown.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.customer import Customer
from controlplane.models.notification import Notification
from controlplane.models.order import CancelReason, Order, OrderEvent, OrderStatus, OrderType
from controlplane.restaurants.errors import (
    CartEmpty,
    KeyOfAnotherCart,
    NotANumber,
    NotReplaceable,
    StatusRefused,
    TimeRefused,
    TotalChanged,
)
from controlplane.restaurants.order_by_hand import TypedLine
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.place_order import Sessions
from controlplane.restaurants.refuse_order import refuse_order
from controlplane.restaurants.take_by_hand import TypedOrder, order_of_form, take_by_hand
from controlplane.tenancy import restaurant_session
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.order_drafts import COLA, FINE, MARGHERITA, MOZZARELLA

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("seeded")]

ACTOR = "user:0199f000-be11-7a00-8a00-00000000ab1e"
PIZZAS = TypedLine(item_id=MARGHERITA.id, option_ids=(FINE.id, MOZZARELLA.id), quantity=2)
LINES = (PIZZAS, TypedLine(item_id=COLA.id))


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Sessions]:
    """Sessions of the role that the site takes."""
    engine = async_engine(database_url, application_name="test", role=DatabaseRole.WEB)
    yield async_sessions(engine)
    await engine.dispose()


def typed(**changes: Any) -> TypedOrder:
    order = TypedOrder(
        form=new_id(),
        lines=LINES,
        order_type=OrderType.PICKUP,
        told_cents=2450,
        customer_name="Camille",
        phone="06 39 98 01 34",
        allergy="noix",
    )
    return replace(order, **changes)


async def take(site: Sessions, order: TypedOrder) -> Any:
    return await take_by_hand(site, DEMO_RESTAURANT_ID, order, actor=ACTOR)


async def test_it_is_placed_once_and_says_who_took_it(
    site: Sessions, database: AsyncEngine
) -> None:
    wanted = typed()
    first, again = await asyncio.gather(take(site, wanted), take(site, wanted))
    assert first == again
    with pytest.raises(KeyOfAnotherCart):
        await take(site, replace(wanted, lines=LINES[:1], told_cents=2200))
    async with async_sessions(database)() as session:
        order = (await session.scalars(select(Order))).one()
        assert (order.call_id, order.customer_phone_e164) == (None, "+33639980134")
        assert (await session.scalars(select(OrderEvent.actor))).all() == [ACTOR]
        assert (await session.scalars(select(Customer.name))).all() == ["Camille"]
        assert (await session.scalars(select(Notification.kind))).all() == ["order_placed"]
    async with restaurant_session(site, DEMO_RESTAURANT_ID) as session:
        assert await order_of_form(session, DEMO_RESTAURANT_ID, wanted.form) == order.id
        assert await order_of_form(session, DEMO_RESTAURANT_ID, new_id()) is None


async def test_what_was_not_shown_is_not_placed(site: Sessions, database: AsyncEngine) -> None:
    now = datetime.now(ZoneInfo("Europe/Paris"))
    for wrong, refusal in (
        (typed(told_cents=2400), TotalChanged),
        (typed(lines=()), CartEmpty),
        (typed(phone="12"), NotANumber),
        (typed(wanted_at=now + timedelta(minutes=1)), TimeRefused),
        (typed(wanted_at=now + timedelta(days=2)), TimeRefused),
    ):
        with pytest.raises(refusal):
            await take(site, wrong)
    later = (now + timedelta(hours=2)).replace(microsecond=0)
    placed = await take(site, typed(wanted_at=later))
    assert placed.ready_at_local == later
    async with async_sessions(database)() as session:
        assert (await session.scalars(select(Order.ready_at))).all() == [later.astimezone(UTC)]


async def test_a_correction_and_a_refusal(site: Sessions, database: AsyncEngine) -> None:
    """1 an order is corrected by hand, 2 the correction is refused for a reason, which its event
    keeps, 3 whoever saw it otherwise refuses nothing, 4 what is being made is not corrected.
    """
    first = await take(site, typed())
    second = await take(site, typed(lines=LINES[:1], told_cents=2200, replaces_id=first.id))
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        stranger = await add_restaurant(session)
        rows = await session.execute(select(Order.id, Order.status))
        statuses = {order_id: status for order_id, status in rows}
        assert statuses == {first.id: "cancelled", second.id: "placed"}

    async def refuse(seen: OrderStatus) -> None:
        async with restaurant_session(site, DEMO_RESTAURANT_ID) as session, session.begin():
            await refuse_order(
                session,
                DEMO_RESTAURANT_ID,
                second.id,
                seen=seen,
                reason=CancelReason.SOLD_OUT,
                actor=ACTOR,
            )

    with pytest.raises(StatusRefused):
        await refuse(OrderStatus.ACCEPTED)
    await refuse(OrderStatus.PLACED)
    await refuse(OrderStatus.PLACED)  # a second tap
    with pytest.raises(StatusRefused):
        await refuse(OrderStatus.COMPLETED)
    async with sessions() as session:
        kept = text("SELECT to_status, reason FROM order_event WHERE reason IS NOT NULL")
        assert (await session.execute(kept)).all() == [("rejected", "sold_out")]
    third = await take(site, typed(allergy=""))
    for to in (OrderStatus.ACCEPTED, OrderStatus.PREPARING):
        async with restaurant_session(site, DEMO_RESTAURANT_ID) as session, session.begin():
            await change_order_status(session, DEMO_RESTAURANT_ID, third.id, to=to, actor=ACTOR)
    with pytest.raises(NotReplaceable):
        await take(site, typed(replaces_id=third.id))
    async with restaurant_session(site, stranger) as session:
        assert await order_of_form(session, stranger, new_id()) is None
