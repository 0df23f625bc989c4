"""A tap beside the right button is taken back: the order goes back where it was, for a moment."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import Order, OrderEvent, OrderStatus
from controlplane.restaurants.errors import StatusRefused
from controlplane.restaurants.order_locks import locked_order
from controlplane.restaurants.order_status import MAX_ACTOR, tell_status

TAKE_BACK_FOR: Final = timedelta(seconds=10)
"""The page offers it for 5 s; the rest is for a slow network."""
TAKEN_BACK: Final[dict[OrderStatus, frozenset[OrderStatus]]] = {
    OrderStatus.ACCEPTED: frozenset({OrderStatus.PLACED}),
    OrderStatus.PREPARING: frozenset({OrderStatus.ACCEPTED}),
    OrderStatus.READY: frozenset({OrderStatus.ACCEPTED, OrderStatus.PREPARING}),
    OrderStatus.OUT_FOR_DELIVERY: frozenset({OrderStatus.READY}),
}
"""Where an order may go back to. A terminal status is in none: customers are told of it, and its
slot and its portions are another's by then."""


async def take_back(
    session: AsyncSession,
    restaurant_id: UUID,
    order_id: UUID,
    *,
    left: OrderStatus,
    now: datetime,
    actor: str,
) -> Order:
    """Undo the actor's own last move, out of the status it left; the caller commits.

    A second tap changes nothing. Raises `UnknownOrder`, and `StatusRefused` when somebody moved the
    order since, when it was moved by somebody else or too long ago, or cannot go back.
    """
    order = await locked_order(session, restaurant_id, order_id)
    current = OrderStatus(order.status)
    if current is left:
        return order
    last = await _last_move(session, order)
    undoes = last is not None and (last.from_status, last.to_status) == (left, current)
    fresh = last is not None and last.actor == actor[:MAX_ACTOR] and now - last.at <= TAKE_BACK_FOR
    if left not in TAKEN_BACK.get(current, ()) or not undoes or not fresh:
        raise StatusRefused(current, left)
    order.status = left
    session.add(
        OrderEvent(
            restaurant_id=restaurant_id,
            order_id=order_id,
            from_status=current,
            to_status=left,
            actor=actor[:MAX_ACTOR],
        )
    )
    await session.flush()
    tell_status(session, order)
    return order


async def _last_move(session: AsyncSession, order: Order) -> OrderEvent | None:
    last: OrderEvent | None = await session.scalar(
        select(OrderEvent)
        .where(OrderEvent.restaurant_id == order.restaurant_id, OrderEvent.order_id == order.id)
        .order_by(OrderEvent.at.desc(), OrderEvent.id.desc())
        .limit(1)
    )
    return last
