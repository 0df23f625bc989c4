"""What pages of reservations read: a service with its tables, one reservation with its story."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.dining_area import DiningArea
from controlplane.models.dining_table import DiningTable
from controlplane.models.reservation import (
    COUNTED,
    HAS_TABLE,
    Reservation,
    ReservationEvent,
    ReservationStatus,
)
from controlplane.models.table_assignment import TableAssignment
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.reservation_day import is_late, next_steps
from controlplane.restaurants.reservation_errors import UnknownReservation
from controlplane.restaurants.reservation_shifts import ShiftOfDate


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as the plan has it: `seats` is the largest party it takes."""

    id: UUID
    name: str
    area: str
    seats: int
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """One reservation as staff see it; its times are the restaurant's own."""

    id: UUID
    number: int
    status: ReservationStatus
    source: str
    party: int
    starts_at: datetime
    ends_at: datetime
    shift_id: UUID | None
    shift_date: date | None
    area_id: UUID | None
    name: str
    phone_e164: str
    note: str
    allergy: str
    call_id: UUID | None
    table_ids: frozenset[UUID]
    table_names: tuple[str, ...]
    late: bool
    next: frozenset[ReservationStatus]

    @property
    def has_table(self) -> bool:
        return self.status in HAS_TABLE

    @property
    def counted(self) -> bool:
        return self.status in COUNTED

    @property
    def waits(self) -> bool:
        return self.status is ReservationStatus.WAITLISTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a reservation, by whom, at the restaurant's own time."""

    id: UUID
    at: datetime
    from_status: str | None
    to_status: str
    before: dict[str, Any] | None
    actor: str
    user_name: str | None


async def read_tables(session: AsyncSession, restaurant_id: UUID) -> list[Table]:
    """Every table in use, and every one that somebody may still have, in the order of the room."""
    rows = await session.execute(
        select(DiningTable, DiningArea.name)
        .join(
            DiningArea,
            and_(
                DiningArea.restaurant_id == DiningTable.restaurant_id,
                DiningArea.id == DiningTable.area_id,
            ),
        )
        .where(DiningTable.restaurant_id == restaurant_id)
        .order_by(DiningArea.position, DiningArea.name, DiningTable.position, DiningTable.name)
    )
    return [
        Table(id=row.id, name=row.name, area=area, seats=row.max_covers, active=row.active)
        for row, area in rows
    ]


async def read_areas(session: AsyncSession, restaurant_id: UUID) -> list[tuple[UUID, str]]:
    """The areas that guests may ask for: those in which a table is given away."""
    rows = await session.execute(
        select(DiningArea.id, DiningArea.name)
        .where(
            DiningArea.restaurant_id == restaurant_id,
            select(DiningTable.id)
            .where(
                DiningTable.restaurant_id == restaurant_id,
                DiningTable.area_id == DiningArea.id,
                DiningTable.active,
            )
            .exists(),
        )
        .order_by(DiningArea.position, DiningArea.name)
    )
    return [(area_id, name) for area_id, name in rows]


async def bookings_of(
    session: AsyncSession,
    restaurant_id: UUID,
    zone: ZoneInfo,
    now: datetime,
    *,
    shift: ShiftOfDate | None,
    first: datetime,
    last: datetime,
) -> list[Booking]:
    """The shift's reservations, and whatever else is at table between the two instants, in the
    order of arrival. Holds that are over are none.
    """
    between = and_(Reservation.starts_at < last, Reservation.ends_at > first)
    mine = [between]
    if shift is not None:
        mine.append(
            and_(Reservation.shift_id == shift.shift.id, Reservation.shift_date == shift.date)
        )
    return await _bookings(session, restaurant_id, zone, now, or_(*mine))


async def booking(
    session: AsyncSession, restaurant_id: UUID, reservation_id: UUID, zone: ZoneInfo, now: datetime
) -> Booking:
    """Raises `UnknownReservation`, also of a hold that is over."""
    found = await _bookings(session, restaurant_id, zone, now, Reservation.id == reservation_id)
    if not found:
        raise UnknownReservation
    return found[0]


async def events_of(
    session: AsyncSession, restaurant_id: UUID, reservation_id: UUID, zone: ZoneInfo
) -> list[Event]:
    """What happened to it, the latest first."""
    rows = await session.execute(
        select(ReservationEvent, UserAccount.name)
        .outerjoin(
            UserAccount, ReservationEvent.actor == func.concat("user:", cast(UserAccount.id, Text))
        )
        .where(
            ReservationEvent.restaurant_id == restaurant_id,
            ReservationEvent.reservation_id == reservation_id,
        )
        .order_by(ReservationEvent.id.desc())
    )
    return [
        Event(
            id=row.id,
            at=row.at.astimezone(zone),
            from_status=row.from_status,
            to_status=row.to_status,
            before=row.before,
            actor=row.actor,
            user_name=name,
        )
        for row, name in rows
    ]


async def _bookings(
    session: AsyncSession,
    restaurant_id: UUID,
    zone: ZoneInfo,
    now: datetime,
    where: ColumnElement[bool],
) -> list[Booking]:
    lives = or_(Reservation.status != ReservationStatus.HOLD, Reservation.hold_expires_at > now)
    assigned = and_(
        TableAssignment.restaurant_id == Reservation.restaurant_id,
        TableAssignment.reservation_id == Reservation.id,
        TableAssignment.active,
    )
    table = and_(
        DiningTable.restaurant_id == TableAssignment.restaurant_id,
        DiningTable.id == TableAssignment.table_id,
    )
    rows = await session.execute(
        select(
            Reservation,
            func.array_agg(DiningTable.id).filter(DiningTable.id.is_not(None)),
            func.array_agg(DiningTable.name).filter(DiningTable.id.is_not(None)),
        )
        .outerjoin(TableAssignment, assigned)
        .outerjoin(DiningTable, table)
        .where(Reservation.restaurant_id == restaurant_id, lives, where)
        .group_by(Reservation.id)
        .order_by(Reservation.starts_at, Reservation.number)
    )
    return [_booking(row, ids or [], names or [], zone, now) for row, ids, names in rows]


def _booking(
    row: Reservation, ids: Sequence[UUID], names: Sequence[str], zone: ZoneInfo, now: datetime
) -> Booking:
    status = ReservationStatus(row.status)
    return Booking(
        id=row.id,
        number=row.number,
        status=status,
        source=row.source,
        party=row.party,
        starts_at=row.starts_at.astimezone(zone),
        ends_at=row.ends_at.astimezone(zone),
        shift_id=row.shift_id,
        shift_date=row.shift_date,
        area_id=row.area_id,
        name=row.customer_name or "",
        phone_e164=row.customer_phone_e164 or "",
        note=row.note,
        allergy=row.allergy_note,
        call_id=row.call_id,
        table_ids=frozenset(ids),
        table_names=tuple(sorted(names)),
        late=is_late(status, row.starts_at, now),
        next=next_steps(status, row.starts_at, now),
    )
