"""What customers are told in writing of their orders and reservations, with each change of them.

The words come when the message is sent (`controlplane/notifier/wording.py`).
"""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.notification import Channel
from controlplane.models.order import Order
from controlplane.models.reservation import Reservation, ReservationEvent, ReservationStatus
from controlplane.restaurants.notify import Notice, NotificationKind, notify

_PROMISED: Final = frozenset({ReservationStatus.CONFIRMED, ReservationStatus.RECONFIRMED})


async def confirm_order(session: AsyncSession, order: Order) -> None:
    """Tell who ordered what was noted, at what price and for when."""
    await notify(session, _of_order(order, NotificationKind.ORDER_PLACED))


async def tell_cancelled(session: AsyncSession, order: Order) -> None:
    """Tell who ordered that the restaurant does not make it."""
    await notify(session, _of_order(order, NotificationKind.ORDER_CANCELLED))


async def tell_guest(
    session: AsyncSession, reservation: Reservation, event: ReservationEvent
) -> None:
    """Tell the guest what the event changed of what they were promised, if anything."""
    kind = _kind_of(reservation, event)
    if kind is not None:
        notice = Notice(
            restaurant_id=reservation.restaurant_id,
            kind=kind,
            channel=Channel.SMS,
            to=reservation.customer_phone_e164,
            key=f"reservation:{reservation.id}:{event.id}",
            about_id=reservation.id,
        )
        await notify(session, notice)


def _kind_of(reservation: Reservation, event: ReservationEvent) -> NotificationKind | None:
    """A table is moved without a word; another time or party is told, and so is the end of what was
    confirmed.
    """
    if event.to_status == ReservationStatus.CANCELLED:
        promised = event.from_status in _PROMISED
        return NotificationKind.RESERVATION_CANCELLED if promised else None
    if event.to_status not in _PROMISED:
        return None
    newly = event.from_status not in _PROMISED
    before = event.before or {}
    moved = bool(before) and (
        before["party"] != reservation.party
        or datetime.fromisoformat(before["starts_at"]) != reservation.starts_at
    )
    return NotificationKind.RESERVATION_CONFIRMED if newly or moved else None


def _of_order(order: Order, kind: NotificationKind) -> Notice:
    return Notice(
        restaurant_id=order.restaurant_id,
        kind=kind,
        channel=Channel.SMS,
        to=order.customer_phone_e164,
        key=f"order:{order.id}:{kind}",
        about_id=order.id,
    )
