"""What the pages of hours show: the calendar, and what is written about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import OpeningKind
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.reservation import Reservation, ReservationStatus
from controlplane.models.restaurant import Restaurant
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.opening_hours import read_hours
from controlplane.restaurants.what_happens import Calendar

MOST_RESERVATIONS = 200
COMING = (ReservationStatus.CONFIRMED, ReservationStatus.RECONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A reservation to come, as far as hours are concerned."""

    id: UUID
    name: str | None
    party: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LastChange:
    """Who changed something last, and when."""

    name: str
    at: datetime


async def the_restaurant(session: AsyncSession, restaurant_id: UUID) -> Restaurant:
    return (await session.scalars(select(Restaurant).where(Restaurant.id == restaurant_id))).one()


async def the_hours(session: AsyncSession, restaurant_id: UUID, first: date) -> Calendar:
    return await read_hours(session, await the_restaurant(session, restaurant_id), first)


async def reservations_from(
    session: AsyncSession, restaurant_id: UUID, now: datetime
) -> Sequence[Booked]:
    """The next reservations that somebody still comes for."""
    rows = await session.execute(
        select(Reservation.id, Reservation.customer_name, Reservation.party, Reservation.starts_at)
        .where(
            Reservation.restaurant_id == restaurant_id,
            Reservation.status.in_(COMING),
            Reservation.starts_at >= now,
        )
        .order_by(Reservation.starts_at)
        .limit(MOST_RESERVATIONS)
    )
    return [Booked(id=id, name=name, party=party, at=at) for id, name, party, at in rows]


async def last_change(session: AsyncSession, restaurant_id: UUID, object: str) -> LastChange | None:
    """Who wrote this last; None when it was no person, or nobody knows."""
    entry = await session.scalar(
        select(AuditEntry)
        .where(AuditEntry.restaurant_id == restaurant_id, AuditEntry.object == object)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    if entry is None or not entry.actor.startswith("user:"):
        return None
    name = await session.scalar(
        select(UserAccount.name).where(UserAccount.id == UUID(entry.actor.partition(":")[2]))
    )
    return LastChange(name=name, at=entry.at) if name else None


def offered(calendar: Calendar, kind: OpeningKind) -> bool:
    return any(window.kind is kind for window in calendar.week)
