"""An order waits for what the kitchen has to make when it is placed, however many are at once."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.opening import KitchenPace, OpeningKind
from controlplane.database import async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, demo_id
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.menu import MenuItem
from controlplane.models.order import Order, OrderLine
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.open_orders import read_open_orders
from controlplane.restaurants.opening_hours import read_calendar
from controlplane.restaurants.place_order import Sessions, place_order, utc_now
from controlplane.restaurants.set_kitchen import set_kitchen
from controlplane.restaurants.what_happens import what_happens
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

PACE = KitchenPace(least_minutes=10, most_minutes=200, seconds_per_unit=5 * 60)
"""Two pizzas of two points are twenty minutes; the cola with them is none."""


@pytest.fixture
async def sessions(seeded: str, database: AsyncEngine) -> Sessions:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        await set_kitchen(session, DEMO_RESTAURANT_ID, PACE, actor="Karim")
        for name, points in (("Margherita", 2), ("Coca-Cola 33 cl", 0)):
            item = update(MenuItem).where(MenuItem.id == demo_id("item", name))
            await session.execute(item.values(kitchen_points=points))
    return sessions


async def test_another_tenant_sees_nothing(sessions: Sessions) -> None:
    await place_order(sessions, draft())
    async with sessions.begin() as session:
        other = await add_restaurant(session)
        assert await read_open_orders(session, other, PACE, utc_now()) == ()
        assert len(await read_open_orders(session, DEMO_RESTAURANT_ID, PACE, utc_now())) == 1
        audited = await session.scalars(select(AuditEntry.restaurant_id))
        assert list(audited) == [DEMO_RESTAURANT_ID]


@pytest.mark.usefixtures("unhurried")
async def test_of_orders_placed_at_once_each_waits_for_the_others(sessions: Sessions) -> None:
    began = utc_now()
    placed = await asyncio.gather(*(place_order(sessions, draft()) for _ in range(4)))
    ready = sorted(order.ready_at_local for order in placed)
    assert timedelta(minutes=20) <= ready[0] - began < timedelta(minutes=21)
    for one, following in pairwise(ready):
        assert timedelta(minutes=19) < following - one < timedelta(minutes=21)
    async with sessions() as session:
        points = await session.scalars(select(OrderLine.kitchen_points))
        assert sorted(points) == [0, 0, 0, 0, 2, 2, 2, 2]


async def test_what_is_made_or_replaced_is_waited_for_no_more(sessions: Sessions) -> None:
    first, second = [await place_order(sessions, draft()) for _ in range(2)]
    instead = draft().model_copy(update={"replaces_id": second.id})
    third = await place_order(sessions, instead)
    assert abs(third.ready_at_local - second.ready_at_local) < timedelta(minutes=1)
    async with sessions.begin() as session:
        for status in ("accepted", "ready"):
            await session.execute(update(Order).where(Order.id == first.id).values(status=status))
        restaurant = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
        now = utc_now()
        answer = what_happens(
            await read_calendar(session, restaurant, now), OpeningKind.PICKUP, now
        )
    assert answer.preparation_minutes == 20, "the third alone is still to be made"
