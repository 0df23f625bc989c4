"""A restaurant's book as it is in Postgres: its shifts and tables, and what it has promised."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import OpeningKind
from controlplane.models.dining_table import DiningTable
from controlplane.models.reservation import COUNTED, Reservation, ReservationStatus
from controlplane.models.reservation_shift import ReservationShift, TurnTime
from controlplane.models.restaurant import Restaurant
from controlplane.models.table_assignment import TableAssignment
from controlplane.models.table_combination import CombinedTable, TableCombination
from controlplane.restaurants.opening_hours import read_calendar
from controlplane.restaurants.reservation_rules import AROUND, Book, Booked
from controlplane.restaurants.reservation_shifts import Shift
from controlplane.restaurants.reservation_tables import During, Place, Taken

_DAYS: Final = timedelta(days=2)
"""A shift that is on within three hours began at most a day away."""
LONGEST_STAY: Final = timedelta(hours=12)
"""No turn time is longer, nor does a party stay longer."""


async def read_book(
    session: AsyncSession,
    restaurant: Restaurant,
    at: datetime,
    now: datetime,
    *,
    without: UUID | None = None,
) -> Book:
    """Read what decides on a table at that instant, and on alternatives around it.

    Holds that are over count for nothing, and neither does the reservation `without`, whose own
    tables are no obstacle to it.
    """
    calendar = await read_calendar(session, restaurant, at)
    return Book(
        zone=calendar.zone,
        exceptions=calendar.exceptions_for(OpeningKind.RESERVATION),
        holidays=calendar.holidays,
        shifts=await read_shifts(session, restaurant.id),
        places=await _places(session, restaurant.id),
        booked=await _booked(session, restaurant.id, at, now, without),
        taken=await _taken(session, restaurant.id, at, now, without),
    )


async def read_shifts(session: AsyncSession, restaurant_id: UUID) -> tuple[Shift, ...]:
    """Every shift in which tables are given away."""
    rows = await session.scalars(
        select(ReservationShift).where(
            ReservationShift.restaurant_id == restaurant_id, ReservationShift.active
        )
    )
    turns = await read_turns(session, restaurant_id)
    return tuple(_shift(row, [turn for turn in turns if turn.shift_id == row.id]) for row in rows)


async def read_turns(session: AsyncSession, restaurant_id: UUID) -> Sequence[TurnTime]:
    """Every turn time of the restaurant's shifts, that of the smallest party first."""
    turns = await session.scalars(
        select(TurnTime)
        .where(TurnTime.restaurant_id == restaurant_id)
        .order_by(TurnTime.up_to_covers)
    )
    return turns.all()


def _shift(row: ReservationShift, turns: Sequence[TurnTime]) -> Shift:
    return Shift(
        id=row.id,
        name=row.name,
        weekdays=frozenset(row.weekdays),
        first_seating=row.first_seating,
        last_seating=row.last_seating,
        slot=timedelta(minutes=row.slot_minutes),
        lead=timedelta(minutes=row.lead_minutes),
        furthest=timedelta(days=row.furthest_days),
        cancel=timedelta(minutes=row.cancel_minutes),
        max_covers_a_slot=row.max_covers_a_slot,
        max_covers=row.max_covers,
        turns=tuple((turn.up_to_covers, timedelta(minutes=turn.minutes)) for turn in turns),
    )


async def _places(session: AsyncSession, restaurant_id: UUID) -> tuple[Place, ...]:
    """Every table and every combination that is given to parties."""
    tables = {
        table.id: table
        for table in await session.scalars(
            select(DiningTable).where(
                DiningTable.restaurant_id == restaurant_id, DiningTable.active
            )
        )
    }
    single = [
        Place(
            table_ids=frozenset({table.id}),
            area_ids=frozenset({table.area_id}),
            min_covers=table.min_covers,
            max_covers=table.max_covers,
            rank=(table.position, table.name),
        )
        for table in tables.values()
    ]
    return (*single, *await _combined(session, restaurant_id, tables))


async def read_combinations(
    session: AsyncSession, restaurant_id: UUID
) -> list[tuple[TableCombination, Sequence[UUID]]]:
    """Every combination in use, by name, with the ids of its tables."""
    rows = await session.execute(
        select(TableCombination, func.array_agg(CombinedTable.table_id))
        .join(
            CombinedTable,
            (CombinedTable.restaurant_id == TableCombination.restaurant_id)
            & (CombinedTable.combination_id == TableCombination.id),
        )
        .where(TableCombination.restaurant_id == restaurant_id, TableCombination.active)
        .group_by(TableCombination.id)
        .order_by(TableCombination.name)
        .execution_options(populate_existing=True)
    )
    return [(combination, table_ids) for combination, table_ids in rows]


async def _combined(
    session: AsyncSession, restaurant_id: UUID, tables: dict[UUID, DiningTable]
) -> list[Place]:
    return [
        Place(
            table_ids=frozenset(table_ids),
            area_ids=frozenset(tables[table_id].area_id for table_id in table_ids),
            min_covers=combination.min_covers,
            max_covers=combination.max_covers,
            rank=(0, combination.name),
        )
        for combination, table_ids in await read_combinations(session, restaurant_id)
        if tables.keys() >= set(table_ids)
    ]


async def _booked(
    session: AsyncSession, restaurant_id: UUID, at: datetime, now: datetime, without: UUID | None
) -> tuple[Booked, ...]:
    rows = await session.execute(
        select(
            Reservation.shift_id, Reservation.shift_date, Reservation.starts_at, Reservation.party
        ).where(
            *_counts(restaurant_id, now, without),
            Reservation.shift_date.between(at.date() - _DAYS, at.date() + _DAYS),
        )
    )
    return tuple(Booked(*row) for row in rows)


async def _taken(
    session: AsyncSession, restaurant_id: UUID, at: datetime, now: datetime, without: UUID | None
) -> tuple[Taken, ...]:
    around = Range(at - AROUND, at + AROUND + LONGEST_STAY)
    rows = await session.execute(
        select(TableAssignment.table_id, Reservation.starts_at, Reservation.ends_at)
        .join(
            Reservation,
            (Reservation.restaurant_id == TableAssignment.restaurant_id)
            & (Reservation.id == TableAssignment.reservation_id),
        )
        .where(
            *_counts(restaurant_id, now, without),
            TableAssignment.restaurant_id == restaurant_id,
            TableAssignment.active,
            TableAssignment.during.op("&&")(around),
        )
    )
    return tuple(Taken(table_id, During(*times)) for table_id, *times in rows)


def _counts(
    restaurant_id: UUID, now: datetime, without: UUID | None
) -> tuple[ColumnElement[bool], ...]:
    lives = or_(Reservation.status != ReservationStatus.HOLD, Reservation.hold_expires_at > now)
    return (
        Reservation.restaurant_id == restaurant_id,
        Reservation.status.in_(COUNTED),
        lives,
        *([] if without is None else [Reservation.id != without]),
    )
