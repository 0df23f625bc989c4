"""A correction is a new order linked to the one it replaces, which the same commit cancels.

Whoever replaces holds the restaurant's order lock and the replaced order's row: of two corrections
of one order the second finds it cancelled.
"""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import NEXT_STATUSES, Order, OrderStatus
from controlplane.restaurants.errors import NotReplaceable, UnknownOrder
from controlplane.restaurants.order_draft import OrderDraft
from controlplane.restaurants.order_locks import locked_order

REPLACEABLE: Final = frozenset({OrderStatus.PLACED, OrderStatus.ACCEPTED})
"""What is being prepared has cost the kitchen something: only the restaurant says what becomes
of it."""


async def order_to_replace(session: AsyncSession, draft: OrderDraft) -> Order | None:
    """Lock the order that the draft corrects, if any. Raises `UnknownOrder`, `NotReplaceable`."""
    if draft.replaces_id is None:
        return None
    order = await locked_order(session, draft.restaurant_id, draft.replaces_id)
    if order.status not in REPLACEABLE:
        raise NotReplaceable(order.status)
    return order


async def order_still_to_replace(session: AsyncSession, draft: OrderDraft) -> Order | None:
    """Lock the order that the draft corrects, if anything of it is left to cancel: the caller was
    promised the correction, so it never comes too late.
    """
    if draft.replaces_id is None:
        return None
    try:
        order = await locked_order(session, draft.restaurant_id, draft.replaces_id)
    except UnknownOrder:
        return None
    return order if NEXT_STATUSES[OrderStatus(order.status)] else None
