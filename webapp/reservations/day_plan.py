"""A service drawn as a table: rows are tables, columns quarters of an hour. Pure.

A booking spans the columns of its time, and the rows of tables pushed together where they are
neighbours; where they are not, it stands in each of their rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from controlplane.restaurants.reservation_shifts import ShiftOfDate
from webapp.reservations.queries import Booking, Table

QUARTER: Final = timedelta(minutes=15)
AFTER_LAST: Final = timedelta(hours=1)
"""The plan goes on so long after the last seating, and as long as somebody is at table."""
MOST_COLUMNS: Final = 64
NEARLY_FULL: Final = 0.75
"""From this part of what a slot takes on, its arrivals are marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One place of a row: a booking over so many columns and rows, or an empty quarter."""

    booking: Booking | None = None
    span: int = 1
    down: int = 1
    hour: bool = False
    """A full hour begins with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One table. `area` is named by the first of each area."""

    table: Table
    area: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """So many guests sit down in one quarter, whose slot is nearly full, or full."""

    guests: int
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """The whole drawing; `hours` are headings over so many columns, `now` is a column or None."""

    hours: tuple[tuple[datetime, int], ...]
    columns: int
    now: int | None
    arrivals: tuple[Arrivals, ...]
    rows: tuple[Row, ...]


def window(shift: ShiftOfDate, bookings: Sequence[Booking] = ()) -> tuple[datetime, datetime]:
    """From when to when the plan goes, in full quarters of an hour."""
    first = min([shift.first, *(one.starts_at.astimezone(UTC) for one in bookings)])
    last = max([shift.last + AFTER_LAST, *(one.ends_at.astimezone(UTC) for one in bookings)])
    first, last = _quarter(first), _quarter(last + QUARTER - timedelta(microseconds=1))
    return first, min(last, first + MOST_COLUMNS * QUARTER)


def draw(
    shift: ShiftOfDate,
    tables: Sequence[Table],
    bookings: Sequence[Booking],
    zone: ZoneInfo,
    now: datetime,
) -> DayPlan:
    """Draw what has a table. Bookings of a table that overlap by less than a quarter share it as
    the columns allow; who has no column left is in the list beside the plan.
    """
    seated = [one for one in bookings if one.has_table]
    first, last = window(shift, seated)
    columns = (last - first) // QUARTER
    starts = [(first + column * QUARTER).astimezone(zone) for column in range(columns)]
    shown = [table for table in tables if table.active or _is_taken(table, seated)]
    here = (now - first) // QUARTER
    return DayPlan(
        hours=_hours(starts),
        columns=columns,
        now=here if 0 <= here < columns else None,
        arrivals=tuple(_arrivals(shift, bookings, start.astimezone(UTC)) for start in starts),
        rows=_rows(shown, seated, starts),
    )


def _rows(
    tables: Sequence[Table], bookings: Sequence[Booking], starts: Sequence[datetime]
) -> tuple[Row, ...]:
    at: dict[tuple[int, int], Cell] = {}
    covered: set[tuple[int, int]] = set()
    for one in bookings:
        for rows in _neighbours(tables, one.table_ids):
            _place(one, rows, starts, at, covered)
    return tuple(
        Row(
            table=table,
            area="" if row and tables[row - 1].area == table.area else table.area,
            cells=tuple(
                at.get((row, column)) or Cell(hour=start.minute == 0)
                for column, start in enumerate(starts)
                if (row, column) in at or (row, column) not in covered
            ),
        )
        for row, table in enumerate(tables)
    )


def _place(
    booking: Booking,
    rows: range,
    starts: Sequence[datetime],
    at: dict[tuple[int, int], Cell],
    covered: set[tuple[int, int]],
) -> None:
    first = starts[0].astimezone(UTC)
    column = (booking.starts_at.astimezone(UTC) - first) // QUARTER
    end = min(max((booking.ends_at.astimezone(UTC) - first) // QUARTER, column + 1), len(starts))
    while column < end and any((row, column) in covered for row in rows):
        column += 1
    free = range(column, end)
    width = next(
        (n for n, each in enumerate(free) if any((row, each) in covered for row in rows)),
        len(free),
    )
    if width <= 0:
        return
    covered.update((row, column + n) for row in rows for n in range(width))
    at[rows.start, column] = Cell(
        booking=booking, span=width, down=len(rows), hour=starts[column].minute == 0
    )


def _neighbours(tables: Sequence[Table], table_ids: frozenset[UUID]) -> list[range]:
    """The rows of these tables, those that follow each other within an area as one range."""
    rows = [row for row, table in enumerate(tables) if table.id in table_ids]
    runs = groupby(enumerate(rows), key=lambda each: (each[1] - each[0], tables[each[1]].area))
    found = [[row for _, row in run] for _, run in runs]
    return [range(run[0], run[-1] + 1) for run in found]


def _hours(starts: Sequence[datetime]) -> tuple[tuple[datetime, int], ...]:
    headings: list[tuple[datetime, int]] = []
    for start in starts:
        if start.minute == 0 or not headings:
            headings.append((start, 1))
        else:
            headings[-1] = (headings[-1][0], headings[-1][1] + 1)
    return tuple(headings)


def _arrivals(shift: ShiftOfDate, bookings: Sequence[Booking], start: datetime) -> Arrivals:
    guests = [(one.starts_at.astimezone(UTC), one.party) for one in bookings if one.counted]
    slot = shift.slot_of(start)
    in_slot = sum(party for at, party in guests if shift.slot_of(at) == slot)
    most = shift.shift.max_covers_a_slot
    here = sum(party for at, party in guests if start <= at < start + QUARTER)
    if not here or most is None or in_slot < most * NEARLY_FULL:
        return Arrivals(guests=here, tone="")
    return Arrivals(guests=here, tone="bad" if in_slot >= most else "wait")


def _is_taken(table: Table, bookings: Sequence[Booking]) -> bool:
    return any(table.id in one.table_ids for one in bookings)


def _quarter(at: datetime) -> datetime:
    return at - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond)
