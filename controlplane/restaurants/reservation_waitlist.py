"""Guests for whom there was no table wait for one, and get it by the same rules as anybody."""

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.notification import Channel
from controlplane.models.reservation import Reservation, ReservationStatus
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import audit
from controlplane.restaurants.notify import Notice, NotificationKind, notify, why_not
from controlplane.restaurants.reservation_errors import (
    CannotBeTold,
    NotGranted,
    ReservationStatusRefused,
)
from controlplane.restaurants.reservation_grant import (
    check_wish,
    grant,
    read_restaurant,
    with_reservation,
    write_wish,
)
from controlplane.restaurants.reservation_request import wish_of
from controlplane.restaurants.reservation_rows import write_event
from controlplane.restaurants.reservation_rules import Fit, Refusal, Rule, Wish, time_at_table

_FULL: Final = frozenset({Rule.COVERS_A_SLOT, Rule.COVERS, Rule.NO_TABLE})
"""What one of these refuses becomes possible when other guests cancel."""

MOST_LOOKED_AT: Final = 20
"""Whoever cancels waits while each of these is held against the rules: a few ms each."""


async def wait_where_full(
    session: AsyncSession,
    restaurant: Restaurant,
    reservation: Reservation,
    wish: Wish,
    now: datetime,
    *,
    actor: str,
) -> bool:
    """Put a new reservation on the waitlist if the restaurant is full then, and say whether."""
    refusal = await check_wish(session, restaurant, wish, now)
    if isinstance(refusal, Fit) or refusal.rule not in _FULL:
        return False
    write_wish(reservation, wish, refusal.shift, time_at_table(refusal.shift, wish))
    reservation.status = ReservationStatus.WAITLISTED
    reservation.hold_expires_at = None
    session.add(reservation)
    await write_event(session, reservation, from_status=None, actor=actor)
    return True


async def promote(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    now: datetime,
    *,
    actor: str,
) -> Reservation:
    """Give a table to guests who wait for one.

    Raises `UnknownReservation`, `NotGranted`, and `ReservationStatusRefused` of one that does not
    wait.
    """
    to = ReservationStatus.CONFIRMED

    async def work(restaurant: Restaurant, reservation: Reservation) -> None:
        if reservation.status != ReservationStatus.WAITLISTED:
            raise ReservationStatusRefused(reservation.status, to)
        wish, status = _as_promoted(reservation), reservation.status
        await grant(
            session, restaurant, reservation, wish, now, from_status=status, to=to, actor=actor
        )

    return await with_reservation(session, restaurant_id, reservation_id, now, work)


async def waiting_that_fit(
    session: AsyncSession, restaurant_id: UUID, now: datetime
) -> list[Reservation]:
    """Return who waits and could have a table now, in the order in which they asked.

    Each is looked at alone: a table given to one may leave none for the next.
    """
    restaurant = await read_restaurant(session, restaurant_id)
    waiting = await session.scalars(
        select(Reservation)
        .where(
            Reservation.restaurant_id == restaurant_id,
            Reservation.status == ReservationStatus.WAITLISTED,
            Reservation.starts_at > now,
        )
        .order_by(Reservation.number)
    )
    return [
        one
        for one in waiting.all()
        if not isinstance(await check_wish(session, restaurant, _as_promoted(one), now), Refusal)
    ]


async def offer_freed(
    session: AsyncSession, restaurant: Restaurant, freed: Reservation, now: datetime
) -> None:
    """Tell the first who waits for that shift, can have a table now and was not told before. It is
    kept for nobody: who calls first has it.
    """
    waiting = await session.scalars(
        select(Reservation)
        .where(
            Reservation.restaurant_id == restaurant.id,
            Reservation.status == ReservationStatus.WAITLISTED,
            Reservation.shift_date == freed.shift_date,
            Reservation.starts_at > now,
        )
        .order_by(Reservation.number)
        .limit(MOST_LOOKED_AT)
    )
    for one in waiting.all():
        if why_not(Channel.SMS, one.customer_phone_e164, own=restaurant.phone_e164):
            continue
        if isinstance(await check_wish(session, restaurant, _as_promoted(one), now), Refusal):
            continue
        if await notify(session, _table_is_free(one)):
            return


async def offer(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    now: datetime,
    *,
    actor: str,
) -> None:
    """Tell guests who wait that a table is free, as `offer_freed` does, when the staff choose whom.

    Raises `UnknownReservation`, `ReservationStatusRefused` of one that does not wait, `NotGranted`
    while there is none, `CannotBeTold`.
    """

    async def work(restaurant: Restaurant, reservation: Reservation) -> None:
        if reservation.status != ReservationStatus.WAITLISTED:
            raise ReservationStatusRefused(reservation.status, "an offer")
        fit = await check_wish(session, restaurant, _as_promoted(reservation), now)
        if isinstance(fit, Refusal):
            raise NotGranted(fit)
        to = reservation.customer_phone_e164
        if why_not(Channel.SMS, to, own=restaurant.phone_e164):
            raise CannotBeTold
        if not await notify(session, _table_is_free(reservation)):
            raise CannotBeTold(already=True)
        offered = f"reservation:{reservation.id}"
        await audit(session, restaurant.id, actor=actor, action="offer_table", object=offered)

    await with_reservation(session, restaurant_id, reservation_id, now, work)


def _table_is_free(reservation: Reservation) -> Notice:
    return Notice(
        restaurant_id=reservation.restaurant_id,
        kind=NotificationKind.TABLE_FREE,
        channel=Channel.SMS,
        to=reservation.customer_phone_e164,
        key=f"table_free:{reservation.id}",
        about_id=reservation.id,
    )


def _as_promoted(reservation: Reservation) -> Wish:
    """They asked in time: no lead time refuses them now."""
    return replace(wish_of(reservation), by_staff=True)
