"""What the provider tells of money, written once however often, late or in whatever order it tells.

Money is recorded where it arrived, whatever has become of the order or its link: a page then shows
what is to be given back (`controlplane/restaurants/payment_standing.py`).
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import Order
from controlplane.models.payment_link import OPEN, PaymentLink, PaymentLinkStatus
from controlplane.models.payment_movement import MovementKind, PaymentMovement
from controlplane.restaurants.hand_to_kitchen import hand_to_kitchen
from controlplane.restaurants.order_status import tell_status
from controlplane.restaurants.payment_links import locked_link, move_link


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyReceived:
    """A Checkout Session was paid."""

    event_id: str
    link_id: UUID
    session_id: str
    payment_intent: str
    amount_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyRefunded:
    """So much of a payment has been given back in all, earlier refunds included."""

    event_id: str
    link_id: UUID
    payment_intent: str
    refunded_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionExpired:
    """A Checkout Session can no longer be paid."""

    event_id: str
    link_id: UUID
    session_id: str


PaymentEvent = MoneyReceived | MoneyRefunded | SessionExpired


async def apply_event(session: AsyncSession, restaurant_id: UUID, event: PaymentEvent) -> bool:
    """Write what happened, and whether anything was new; the caller commits.

    The link's lock makes events of one link follow each other. Raises `UnknownPaymentLink`.
    """
    link = await locked_link(session, restaurant_id, event.link_id)
    match event:
        case MoneyReceived():
            new = await _receive(session, link, event)
        case MoneyRefunded():
            new = await _refund(session, link, event)
        case SessionExpired():
            new = _expire(link, event)
    if new:
        await _settle(session, link)
        await session.flush()
        order = await _order_in_force(session, link)
        if link.required and link.status not in OPEN:
            await hand_to_kitchen(session, order)
        tell_status(session, order)
        await session.flush()
    return new


async def _receive(session: AsyncSession, link: PaymentLink, event: MoneyReceived) -> bool:
    known = await session.scalar(
        select(PaymentMovement.id).where(
            PaymentMovement.restaurant_id == link.restaurant_id,
            PaymentMovement.kind == MovementKind.RECEIVED,
            or_(
                PaymentMovement.payment_intent == event.payment_intent,
                PaymentMovement.event_id == event.event_id,
            ),
        )
    )
    if known is not None:
        return False
    _add(session, link, MovementKind.RECEIVED, event, event.amount_cents)
    if link.status in OPEN:
        move_link(link, PaymentLinkStatus.PAID)
    return True


async def _refund(session: AsyncSession, link: PaymentLink, event: MoneyRefunded) -> bool:
    """What is told is the sum of all refunds, so an event that came late adds nothing."""
    known = await session.scalar(
        select(func.coalesce(func.sum(PaymentMovement.amount_cents), 0)).where(
            PaymentMovement.restaurant_id == link.restaurant_id,
            PaymentMovement.kind == MovementKind.REFUNDED,
            PaymentMovement.payment_intent == event.payment_intent,
        )
    )
    more = event.refunded_cents - int(known or 0)
    if more <= 0:
        return False
    _add(session, link, MovementKind.REFUNDED, event, more)
    return True


def _expire(link: PaymentLink, event: SessionExpired) -> bool:
    if link.session_id != event.session_id or link.status not in OPEN:
        return False
    move_link(link, PaymentLinkStatus.EXPIRED)
    return True


def _add(
    session: AsyncSession,
    link: PaymentLink,
    kind: MovementKind,
    event: MoneyReceived | MoneyRefunded,
    cents: int,
) -> None:
    session.add(
        PaymentMovement(
            restaurant_id=link.restaurant_id,
            link_id=link.id,
            kind=kind,
            amount_cents=cents,
            payment_intent=event.payment_intent,
            event_id=event.event_id,
        )
    )


async def _settle(session: AsyncSession, link: PaymentLink) -> None:
    """A paid link of which nothing is left is refunded, whichever was told first."""
    if link.status != PaymentLinkStatus.PAID:
        return
    await session.flush()
    rows = await session.execute(
        select(PaymentMovement.kind, func.sum(PaymentMovement.amount_cents))
        .where(
            PaymentMovement.restaurant_id == link.restaurant_id,
            PaymentMovement.link_id == link.id,
        )
        .group_by(PaymentMovement.kind)
    )
    moved = {kind: int(cents) for kind, cents in rows}
    if moved.get(MovementKind.REFUNDED, 0) >= moved.get(MovementKind.RECEIVED, 0):
        move_link(link, PaymentLinkStatus.REFUNDED)


async def _order_in_force(session: AsyncSession, link: PaymentLink) -> Order:
    """The order whose ticket shows the money: the link's own, or the last that corrects it."""
    order = await session.scalar(_order(link.restaurant_id).where(Order.id == link.order_id))
    assert order is not None, "its foreign key has it"
    while True:
        later = await session.scalar(
            _order(link.restaurant_id).where(Order.replaces_id == order.id)
        )
        if later is None:
            return order
        order = later


def _order(restaurant_id: UUID) -> Select[Order]:
    return select(Order).where(Order.restaurant_id == restaurant_id)
