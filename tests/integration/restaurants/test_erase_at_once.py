"""A caller is erased while they order: neither waits for the other in a circle, and what is ordered
is ordered. Each erasure is an admin's, each order another worker's.
"""

import asyncio

import pytest
from sqlalchemy import func, select

from controlplane.database import async_engine, async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.models.order import Order, OrderStatus
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.certify_erasure import erase_and_certify
from controlplane.restaurants.order_status import change_order_status
from controlplane.restaurants.place_order import Sessions, place_order
from tests.accounts import SECRETS
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

ROUNDS = 6
NUMBER = "+33639980134"
"""Whose order `draft` is."""


async def erase(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        restaurant = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
        await erase_and_certify(session, SECRETS, [restaurant], NUMBER)


async def reject(sessions: Sessions, order: Order) -> None:
    """The kitchen does, so that the erasure may forget whose order it was."""
    async with sessions.begin() as session:
        await change_order_status(
            session, order.restaurant_id, order.id, to=OrderStatus.REJECTED, actor="test"
        )


async def test_orders_erasures_and_the_kitchen_go_on_side_by_side(seeded: str) -> None:
    engine = async_engine(seeded, application_name="test", pool_size=8)
    sessions = async_sessions(engine)
    try:
        for turn in range(1, ROUNDS + 1):
            async with sessions() as session:
                waiting = await session.scalars(
                    select(Order).where(Order.status == OrderStatus.PLACED)
                )
                orders = list(waiting)
            await asyncio.gather(
                place_order(sessions, draft()),
                erase(sessions),
                place_order(sessions, draft()),
                erase(sessions),
                *(reject(sessions, order) for order in orders),
            )
            async with sessions() as session:
                assert await session.scalar(select(func.count(Order.id))) == 2 * turn
    finally:
        await engine.dispose()
