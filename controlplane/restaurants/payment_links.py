"""An order's payment link: made with the order, moved by one table of transitions."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.notification import Channel
from controlplane.models.order import NEXT_STATUSES, Order, OrderStatus, OrderType
from controlplane.models.payment_link import (
    NEXT_LINK_STATUSES,
    OPEN,
    PaymentLink,
    PaymentLinkStatus,
)
from controlplane.models.restaurant import PaymentPolicy, Restaurant
from controlplane.restaurants.notify import why_not
from controlplane.restaurants.order_locks import locked_order
from controlplane.restaurants.payment_errors import LinkRefused, UnknownPaymentLink
from controlplane.restaurants.payment_notices import tell_of_link
from controlplane.restaurants.payment_policy import must_be_paid
from controlplane.restaurants.payment_standing import received_before

_CLOSED: Final = frozenset(status for status, following in NEXT_STATUSES.items() if not following)


async def offer_link(session: AsyncSession, order: Order) -> bool:
    """Give the order, which is flushed, the link that the restaurant's policy asks for, and have
    its customer told of it; whether the order waits for its payment.

    A correction of an order that is paid already gets none: what differs is settled where it is
    handed over. Its time counts from the database's clock, as its row does.
    """
    restaurant = await session.get_one(Restaurant, order.restaurant_id)
    required = must_be_paid(PaymentPolicy(restaurant.payment_policy), OrderType(order.order_type))
    if required is None or not order.total_cents:
        return False
    if order.replaces_id and await received_before(session, order.restaurant_id, order.id) > 0:
        return False
    unheard = why_not(Channel.SMS, order.customer_phone_e164, own=restaurant.phone_e164)
    link = PaymentLink(
        restaurant_id=order.restaurant_id,
        order_id=order.id,
        amount_cents=order.total_cents,
        required=required,
        status=PaymentLinkStatus.CREATED if unheard else PaymentLinkStatus.SENT,
        expires_at=func.now() + timedelta(minutes=restaurant.payment_minutes),
    )
    session.add(link)
    await session.flush()
    await tell_of_link(session, order, link, minutes=restaurant.payment_minutes)
    return required


async def close_link_of(session: AsyncSession, order: Order) -> None:
    """Nobody pays for an order that is over: one paid by hand would be paid twice."""
    if OrderStatus(order.status) not in _CLOSED:
        return
    link = await session.scalar(
        select(PaymentLink)
        .where(PaymentLink.restaurant_id == order.restaurant_id, PaymentLink.order_id == order.id)
        .with_for_update()
    )
    if link is not None and link.status in OPEN:
        move_link(link, PaymentLinkStatus.CANCELLED)
        await session.flush()


async def locked_link(session: AsyncSession, restaurant_id: UUID, link_id: UUID) -> PaymentLink:
    """The link, which nobody else changes before the commit, nor its order: whoever moves an order
    has its row before its link, and so has everybody. Raises `UnknownPaymentLink`.
    """
    found = (PaymentLink.restaurant_id == restaurant_id, PaymentLink.id == link_id)
    order_id = await session.scalar(select(PaymentLink.order_id).where(*found))
    if order_id is None:
        raise UnknownPaymentLink(link_id)
    await locked_order(session, restaurant_id, order_id)
    return (await session.scalars(select(PaymentLink).where(*found).with_for_update())).one()


def move_link(link: PaymentLink, to: PaymentLinkStatus) -> None:
    """Move a locked link. Raises `LinkRefused`."""
    if to not in NEXT_LINK_STATUSES[PaymentLinkStatus(link.status)]:
        raise LinkRefused(link.status, to)
    link.status = to
