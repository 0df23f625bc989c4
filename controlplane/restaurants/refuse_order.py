"""The restaurant does not make an order: rejected while nobody has accepted it, cancelled later."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import NEXT_STATUSES, CancelReason, Order, OrderStatus
from controlplane.restaurants.errors import StatusRefused
from controlplane.restaurants.order_locks import lock_orders, locked_order
from controlplane.restaurants.order_status import change_order_status

_REFUSALS: Final = (OrderStatus.REJECTED, OrderStatus.CANCELLED)


def refusal_of(status: OrderStatus) -> OrderStatus | None:
    """Where an order of this status goes when it is refused; None: it is over."""
    return next((to for to in _REFUSALS if to in NEXT_STATUSES[status]), None)


async def refuse_order(
    session: AsyncSession,
    restaurant_id: UUID,
    order_id: UUID,
    *,
    seen: OrderStatus,
    reason: CancelReason,
    actor: str,
) -> Order:
    """Refuse the order as it was `seen`, and have its customer told why; the caller commits.

    A second tap changes nothing. Raises `UnknownOrder`, and `StatusRefused` of an order that
    somebody moved on meanwhile: it may be made already.
    """
    await lock_orders(session, restaurant_id)
    order = await locked_order(session, restaurant_id, order_id)
    to = refusal_of(seen)
    if to is None or order.status not in (seen, to):
        raise StatusRefused(order.status, to or seen)
    return await change_order_status(
        session, restaurant_id, order_id, to=to, actor=actor, reason=reason
    )
