"""Tables are promised to guests, and the promises changed; the caller of each function commits.

`now` is the instant that rules are held against; `starts_at` is an instant, never wall time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.models.reservation import (
    HAS_TABLE,
    NEXT_STATUSES,
    Reservation,
    ReservationStatus,
)
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.reservation_book import LONGEST_STAY
from controlplane.restaurants.reservation_errors import (
    KeyOfAnotherReservation,
    ReservationStatusRefused,
    StayRefused,
)
from controlplane.restaurants.reservation_grant import (
    grant,
    read_restaurant,
    under_lock,
    with_reservation,
)
from controlplane.restaurants.reservation_request import (
    HOLD_FOR,
    Guest,
    Request,
    wish_of,
    write_guest,
)
from controlplane.restaurants.reservation_rows import assigned_tables, next_number, write_event
from controlplane.restaurants.reservation_rules import Wish
from controlplane.restaurants.reservation_status import check_in_time
from controlplane.restaurants.reservation_waitlist import wait_where_full
from controlplane.restaurants.what_happens import check_live


async def book(
    session: AsyncSession, restaurant_id: UUID, request: Request, now: datetime
) -> Reservation:
    """Give the guest a table, or find what was given under the request's key.

    Raises `UnknownRestaurant`, `NotTakingOrders`, `UnknownTable`, `KeyOfAnotherReservation`, and
    `NotGranted` with the rule and the alternatives.
    """
    restaurant = await read_restaurant(session, restaurant_id)
    if not request.wish.by_staff:
        check_live(RestaurantStatus(restaurant.status))

    async def work() -> Reservation:
        found = await _find(session, restaurant_id, request)
        return found or await _insert(session, restaurant, request, now)

    return await under_lock(session, restaurant, now, work)


async def change(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    now: datetime,
    *,
    actor: str,
    by_staff: bool = False,
    party: int | None = None,
    starts_at: datetime | None = None,
    area_id: UUID | None = None,
) -> Reservation:
    """Give it another party, time or area; what is not given stays. When that is refused it keeps
    what it has.

    Raises `UnknownReservation`, `TooLateToChange`, `NotGranted`, and `ReservationStatusRefused` of
    one that has no table.
    """

    async def revised(reservation: Reservation) -> Wish:
        has = wish_of(reservation)
        wish = replace(
            has,
            party=has.party if party is None else party,
            starts_at=starts_at or has.starts_at,
            area_id=area_id or has.area_id,
            by_staff=by_staff,
        )
        same = (wish.party, wish.starts_at) == (has.party, has.starts_at)
        return replace(wish, stay=_stay(reservation)) if same else wish

    return await _regrant(session, restaurant_id, reservation_id, now, revised, actor=actor)


async def move(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    table_ids: frozenset[UUID],
    now: datetime,
    *,
    actor: str,
) -> Reservation:
    """Seat the party at the tables that the staff chose.

    Raises `UnknownTable`, and what `change` raises.
    """

    async def revised(reservation: Reservation) -> Wish:
        return replace(
            wish_of(reservation), table_ids=table_ids, stay=_stay(reservation), by_staff=True
        )

    return await _regrant(session, restaurant_id, reservation_id, now, revised, actor=actor)


async def stay_until(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    until: datetime,
    now: datetime,
    *,
    actor: str,
) -> Reservation:
    """Leave the party its tables until then, longer or shorter than its turn time. Where they are
    promised to others it is refused, and the staff move one of the two first.

    Raises `StayRefused`, and what `move` raises.
    """

    async def revised(reservation: Reservation) -> Wish:
        stay = until - reservation.starts_at
        if not timedelta() < stay <= LONGEST_STAY:
            raise StayRefused(LONGEST_STAY)
        tables = await assigned_tables(session, reservation)
        return replace(wish_of(reservation), table_ids=tables, stay=stay, by_staff=True)

    return await _regrant(session, restaurant_id, reservation_id, now, revised, actor=actor)


async def correct_guest(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    guest: Guest,
    now: datetime,
    *,
    actor: str,
) -> Reservation:
    """Write down who comes in other words; time, party and table stay, and nobody is told.

    Raises `UnknownReservation`, and `ReservationStatusRefused` of one that is over.
    """

    async def work(_restaurant: Restaurant, reservation: Reservation) -> None:
        status = ReservationStatus(reservation.status)
        if not NEXT_STATUSES[status]:
            raise ReservationStatusRefused(status, "another guest")
        write_guest(reservation, guest)
        await write_event(session, reservation, from_status=status, actor=actor)

    return await with_reservation(session, restaurant_id, reservation_id, now, work)


async def _regrant(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    now: datetime,
    revised: Callable[[Reservation], Awaitable[Wish]],
    *,
    actor: str,
) -> Reservation:
    async def work(restaurant: Restaurant, reservation: Reservation) -> None:
        status = ReservationStatus(reservation.status)
        if status not in HAS_TABLE:
            raise ReservationStatusRefused(status, "another table")
        wish = await revised(reservation)
        if not wish.by_staff:
            await check_in_time(session, reservation, now)
        await grant(
            session, restaurant, reservation, wish, now, from_status=status, to=status, actor=actor
        )

    return await with_reservation(session, restaurant_id, reservation_id, now, work)


def _stay(reservation: Reservation) -> timedelta:
    """What the staff said of how long they stay outlives another table."""
    return reservation.ends_at - reservation.starts_at


async def _find(session: AsyncSession, restaurant_id: UUID, request: Request) -> Reservation | None:
    """Find what the request was given. Raises `KeyOfAnotherReservation` when that is something else
    by now: nobody is to be told of a table that they do not have.
    """
    found = await session.scalar(
        select(Reservation)
        .where(
            Reservation.restaurant_id == restaurant_id,
            Reservation.idempotency_key == request.key,
        )
        .execution_options(populate_existing=True)
    )
    if found is None:
        return None
    asked = (request.wish.party, request.wish.starts_at)
    lives = ReservationStatus(found.status) in HAS_TABLE | {ReservationStatus.WAITLISTED}
    if not lives or (found.party, found.starts_at) != asked:
        raise KeyOfAnotherReservation
    return found


async def _insert(
    session: AsyncSession, restaurant: Restaurant, request: Request, now: datetime
) -> Reservation:
    reservation = Reservation(
        id=new_id(),
        restaurant_id=restaurant.id,
        call_id=request.call_id,
        number=await next_number(session, restaurant.id),
        idempotency_key=request.key,
        source=request.source,
        hold_expires_at=now + HOLD_FOR if request.status is ReservationStatus.HOLD else None,
    )
    write_guest(reservation, request.guest)
    wish, actor = request.wish, request.actor
    if request.or_wait and await wait_where_full(
        session, restaurant, reservation, wish, now, actor=actor
    ):
        return reservation
    await grant(
        session,
        restaurant,
        reservation,
        wish,
        now,
        from_status=None,
        to=request.status,
        actor=actor,
    )
    return reservation
