"""The one way an order changes status: checked, recorded, and told to open pages."""

from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import NEXT_STATUSES, Order, OrderEvent, OrderStatus
from controlplane.restaurants.errors import StatusRefused, UnknownOrder

MAX_ACTOR: Final = 64


async def change_order_status(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID, *, to: OrderStatus, actor: str
) -> Order:
    """Move one order of this restaurant; the caller commits.

    A second tap on the same button changes nothing. Raises `UnknownOrder`, `StatusRefused`.
    """
    order = await session.scalar(
        select(Order)
        .where(Order.restaurant_id == restaurant_id, Order.id == order_id)
        .with_for_update()
    )
    if order is None:
        raise UnknownOrder(order_id)
    current = OrderStatus(order.status)
    if current is to:
        return order
    if to not in NEXT_STATUSES[current]:
        raise StatusRefused(current, to)
    order.status = to
    session.add(
        OrderEvent(
            restaurant_id=restaurant_id,
            order_id=order_id,
            from_status=current,
            to_status=to,
            actor=actor[:MAX_ACTOR],
        )
    )
    await session.flush()
    session.add(  # last: its lock is held until the commit
        EventOutbox(
            restaurant_id=restaurant_id,
            topic=OutboxTopic.ORDER_STATUS_CHANGED,
            payload={"order_id": str(order_id), "status": to},
        )
    )
    return order
