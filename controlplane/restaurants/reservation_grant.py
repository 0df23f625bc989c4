"""The one way to a table: creating, changing, moving, walking in and leaving the waitlist all end
here, under the restaurant's lock, where `decide` has the last word.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.dining_table import DiningTable
from controlplane.models.reservation import Reservation, ReservationStatus
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import UnknownRestaurant
from controlplane.restaurants.reservation_book import read_book
from controlplane.restaurants.reservation_errors import NotGranted, UnknownTable
from controlplane.restaurants.reservation_rows import (
    assign_tables,
    assigned_tables,
    lock_reservations,
    read_reservation,
    release_tables,
    write_event,
)
from controlplane.restaurants.reservation_rules import Fit, Refusal, Wish, alternatives, decide
from controlplane.restaurants.reservation_shifts import ShiftOfDate
from controlplane.restaurants.reservation_tables import During

T = TypeVar("T")


async def read_restaurant(session: AsyncSession, restaurant_id: UUID) -> Restaurant:
    """Read the restaurant by its id. Raises `UnknownRestaurant`."""
    restaurant = await session.get(Restaurant, restaurant_id)
    if restaurant is None:
        raise UnknownRestaurant(restaurant_id)
    return restaurant


async def under_lock(
    session: AsyncSession,
    restaurant: Restaurant,
    now: datetime,
    work: Callable[[], Awaitable[T]],
) -> T:
    """Do `work` with no other writer of this restaurant's reservations, which then wait for the
    commit. What was refused has changed nothing and holds up nobody; alternatives are looked for
    after the lock, so that the next caller does not wait for them.

    Raises what `work` raises.
    """
    try:
        async with session.begin_nested():
            await lock_reservations(session, restaurant.id, now)
            return await work()
    except _Refused as refused:
        wish, own = refused.wish, refused.reservation_id
        book = await read_book(session, restaurant, wish.starts_at, now, without=own)
        found = alternatives(book, wish, now)
        raise NotGranted(refused.refusal, found) from None


async def with_reservation(
    session: AsyncSession,
    restaurant_id: UUID,
    reservation_id: UUID,
    now: datetime,
    work: Callable[[Restaurant, Reservation], Awaitable[None]],
) -> Reservation:
    """Do `work` on one reservation, as it is under the lock, and return it.

    Raises `UnknownRestaurant`, `UnknownReservation` and what `work` raises.
    """
    restaurant = await read_restaurant(session, restaurant_id)

    async def locked() -> Reservation:
        reservation = await read_reservation(session, restaurant_id, reservation_id)
        await work(restaurant, reservation)
        return reservation

    return await under_lock(session, restaurant, now, locked)


async def check_wish(
    session: AsyncSession,
    restaurant: Restaurant,
    wish: Wish,
    now: datetime,
    *,
    without: UUID | None = None,
) -> Fit | Refusal:
    """Say whether the wish can be granted now. Raises `UnknownTable`."""
    await _check_tables(session, restaurant.id, wish)
    book = await read_book(session, restaurant, wish.starts_at, now, without=without)
    return decide(book, wish, now)


async def grant(
    session: AsyncSession,
    restaurant: Restaurant,
    reservation: Reservation,
    wish: Wish,
    now: datetime,
    *,
    from_status: str | None,
    to: ReservationStatus,
    actor: str,
) -> None:
    """Give this reservation what is wished in place of what it has; it is a new one when there is
    no `from_status`. Only within `under_lock`, which says of a refusal what else is possible.
    """
    fit = await check_wish(session, restaurant, wish, now, without=reservation.id)
    if isinstance(fit, Refusal):
        raise _Refused(reservation.id, wish, fit)
    before = await _what_it_has(session, reservation) if from_status else None
    await release_tables(session, reservation)
    write_wish(reservation, wish, fit.shift, fit.during)
    reservation.status = to
    session.add(reservation)
    await session.flush()
    assign_tables(session, reservation, fit.table_ids, fit.during)
    await write_event(session, reservation, from_status=from_status, actor=actor, before=before)


def write_wish(
    reservation: Reservation, wish: Wish, shift: ShiftOfDate | None, during: During
) -> None:
    reservation.party = wish.party
    reservation.area_id = wish.area_id
    reservation.starts_at = during.starts_at
    reservation.ends_at = during.ends_at
    reservation.shift_id = shift.shift.id if shift else None
    reservation.shift_date = shift.date if shift else None


class _Refused(Exception):
    """Carries a refusal out of the savepoint, whose end releases the lock."""

    def __init__(self, reservation_id: UUID, wish: Wish, refusal: Refusal) -> None:
        super().__init__(refusal.rule)
        self.reservation_id = reservation_id
        self.wish = wish
        self.refusal = refusal


async def _what_it_has(session: AsyncSession, reservation: Reservation) -> dict[str, Any]:
    tables = await assigned_tables(session, reservation)
    return {
        "starts_at": reservation.starts_at.isoformat(),
        "party": reservation.party,
        "tables": sorted(str(table_id) for table_id in tables),
    }


async def _check_tables(session: AsyncSession, restaurant_id: UUID, wish: Wish) -> None:
    """The staff may put a party at any tables in use; those of another restaurant are none."""
    found = await session.scalar(
        select(func.count())
        .select_from(DiningTable)
        .where(
            DiningTable.restaurant_id == restaurant_id,
            DiningTable.id.in_(wish.table_ids),
            DiningTable.active,
        )
    )
    if found != len(wish.table_ids):
        raise UnknownTable
