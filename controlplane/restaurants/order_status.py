"""The one way an order changes status: checked, recorded, and told to open pages."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import (
    NEVER_MADE,
    NEXT_STATUSES,
    CancelReason,
    Order,
    OrderEvent,
    OrderStatus,
    OrderType,
)
from controlplane.restaurants.confirmations import tell_cancelled
from controlplane.restaurants.errors import StatusRefused
from controlplane.restaurants.order_allergies import acknowledge_allergies, check_allergies_seen
from controlplane.restaurants.order_locks import lock_orders, locked_order
from controlplane.restaurants.payment_links import close_link_of
from controlplane.restaurants.slots import release_slot
from controlplane.restaurants.tasks import settle_call_back

MAX_ACTOR: Final = 64


async def change_order_status(
    session: AsyncSession,
    restaurant_id: UUID,
    order_id: UUID,
    *,
    to: OrderStatus,
    actor: str,
    reason: CancelReason | None = None,
) -> Order:
    """Move one order of this restaurant; the caller commits. `reason` says why it is not made.

    A second tap on the same button changes nothing. Raises `UnknownOrder`, `StatusRefused`.
    """
    if to in NEVER_MADE:  # what it gives back, others take
        await lock_orders(session, restaurant_id)
    order = await locked_order(session, restaurant_id, order_id)
    if OrderStatus(order.status) is not to:
        await move_order(session, order, to=to, actor=actor, reason=reason)
        if to in NEVER_MADE:
            await tell_cancelled(session, order)
        tell_status(session, order)
    return order


async def see_allergies(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID, *, actor: str
) -> None:
    """Acknowledge what the order's caller must not eat; the caller of this commits.

    A second tap changes nothing. Raises `UnknownOrder`.
    """
    order = await locked_order(session, restaurant_id, order_id)
    if await acknowledge_allergies(session, order, actor=actor[:MAX_ACTOR]):
        tell_status(session, order)


async def move_order(
    session: AsyncSession,
    order: Order,
    *,
    to: OrderStatus,
    actor: str,
    reason: CancelReason | None = None,
) -> None:
    """Move a locked order, of which `tell_status` is to tell. Raises `StatusRefused`, which
    `AllergyUnseen` is one of.
    """
    current = OrderStatus(order.status)
    stays = to is OrderStatus.OUT_FOR_DELIVERY and order.order_type != OrderType.DELIVERY
    if stays or to not in NEXT_STATUSES[current]:
        raise StatusRefused(current, to)
    await check_allergies_seen(session, order, to)
    order.status = to
    if to in NEVER_MADE:
        await release_slot(session, order.restaurant_id, order.id)
    await close_link_of(session, order)
    if to is OrderStatus.COMPLETED:
        await settle_call_back(session, order, datetime.now(UTC), actor=actor[:MAX_ACTOR])
    session.add(
        OrderEvent(
            restaurant_id=order.restaurant_id,
            order_id=order.id,
            from_status=current,
            to_status=to,
            actor=actor[:MAX_ACTOR],
            reason=reason,
        )
    )
    await session.flush()


def tell_status(session: AsyncSession, order: Order) -> None:
    """Tell open pages how the order is now; last, for the lock is held until the commit."""
    session.add(
        EventOutbox(
            restaurant_id=order.restaurant_id,
            topic=OutboxTopic.ORDER_STATUS_CHANGED,
            payload={"order_id": str(order.id), "status": order.status},
        )
    )
