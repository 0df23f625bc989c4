"""The locks around orders, in the order in which everybody takes them: first the restaurant's, then
an order's row. Slots and portions are taken and given back under the restaurant's, so nobody waits
for them in a circle.
"""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import Order
from controlplane.restaurants.errors import UnknownOrder


async def lock_orders(session: AsyncSession, restaurant_id: UUID) -> None:
    """Let no other order of this restaurant be placed before the commit.

    Two calls never read the same last number; and what is not found under this lock is not on its
    way either, for a COMMIT that has not arrived yet still holds it.
    """
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext(f"order:{restaurant_id}"), 0))
    )


async def locked_order(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> Order:
    """The order, which nobody else changes before the commit. Raises `UnknownOrder`."""
    order = await session.scalar(
        select(Order)
        .where(Order.restaurant_id == restaurant_id, Order.id == order_id)
        .with_for_update()
    )
    if order is None:
        raise UnknownOrder(order_id)
    return order
