"""Guests confirm, come, sit down, leave, cancel or fail to come: along one table of transitions."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.reservation import HAS_TABLE, Reservation, ReservationStatus
from controlplane.models.reservation_shift import ReservationShift
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.reservation_errors import (
    NotDueYet,
    ReservationStatusRefused,
    TooLateToChange,
)
from controlplane.restaurants.reservation_grant import with_reservation
from controlplane.restaurants.reservation_request import Guest, write_guest
from controlplane.restaurants.reservation_rows import check_transition, set_status
from controlplane.restaurants.reservation_waitlist import offer_freed

_STAFF_TELLS: Final = frozenset(
    {
        ReservationStatus.RECONFIRMED,
        ReservationStatus.ARRIVED,
        ReservationStatus.SEATED,
        ReservationStatus.FINISHED,
        ReservationStatus.NO_SHOW,
    }
)


async def confirm_hold(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    guest: Guest,
    now: datetime,
    *,
    actor: str,
) -> Reservation:
    """Turn a hold into a reservation of this guest; who confirms twice changes nothing.

    Raises `UnknownReservation`, and `ReservationStatusRefused` of a hold that is over: its table
    may be somebody else's, so it is booked anew.
    """
    to = ReservationStatus.CONFIRMED

    async def work(_restaurant: Restaurant, reservation: Reservation) -> None:
        if reservation.status == to:
            return
        if reservation.status != ReservationStatus.HOLD:
            raise ReservationStatusRefused(reservation.status, to)
        write_guest(reservation, guest)
        await set_status(session, reservation, to, actor=actor)

    return await with_reservation(session, restaurant_id, reservation_id, now, work)


async def cancel(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    now: datetime,
    *,
    actor: str,
    by_staff: bool = False,
) -> Reservation:
    """Give its tables back; who cancels twice changes nothing.

    Raises `UnknownReservation`, `TooLateToChange` of a guest, `ReservationStatusRefused`.
    """
    to = ReservationStatus.CANCELLED

    async def work(restaurant: Restaurant, reservation: Reservation) -> None:
        if reservation.status == to:
            return
        check_transition(reservation, to)
        if not by_staff:
            await check_in_time(session, reservation, now)
        await set_status(session, reservation, to, actor=actor)
        await offer_freed(session, restaurant, reservation, now)

    return await with_reservation(session, restaurant_id, reservation_id, now, work)


async def tell_status(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    to: ReservationStatus,
    now: datetime,
    *,
    actor: str,
) -> Reservation:
    """Record what the staff saw: reconfirmed, arrived, seated, finished, no-show. A second tap on
    the same button changes nothing.

    Raises `UnknownReservation`, `NotDueYet`, and `ReservationStatusRefused`, also of what has a
    function of its own: confirming, cancelling, leaving the waitlist.
    """

    async def work(restaurant: Restaurant, reservation: Reservation) -> None:
        if reservation.status == to:
            return
        if to not in _STAFF_TELLS:
            raise ReservationStatusRefused(reservation.status, to)
        check_transition(reservation, to)
        if to is ReservationStatus.NO_SHOW and now < reservation.starts_at:
            raise NotDueYet(reservation.starts_at)
        await set_status(session, reservation, to, actor=actor)
        if to not in HAS_TABLE:
            await offer_freed(session, restaurant, reservation, now)

    return await with_reservation(session, restaurant_id, reservation_id, now, work)


async def check_in_time(session: AsyncSession, reservation: Reservation, now: datetime) -> None:
    """Raise `TooLateToChange` when a guest may no longer change or cancel. Nobody counts on guests
    who wait or have not confirmed: they may until the end.
    """
    if reservation.status in (ReservationStatus.HOLD, ReservationStatus.WAITLISTED):
        return
    minutes = await session.scalar(
        select(ReservationShift.cancel_minutes).where(
            ReservationShift.restaurant_id == reservation.restaurant_id,
            ReservationShift.id == reservation.shift_id,
        )
    )
    if now > reservation.starts_at - timedelta(minutes=minutes or 0):
        raise TooLateToChange(minutes or 0)
