"""What the file has and what the database has of it, side by side: by table and year.

Both are counted apart: the file's as its rows are read, the database's by asking it afterwards.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.restaurants.old_application.mapping import OldTable
from controlplane.restaurants.old_application.read_rows import KEY, ReadOrder, Values

Year = tuple[OldTable, int]
_ZONE: Final = "AT TIME ZONE :zone"
_QUERIES: Final = {
    OldTable.ORDERS: (
        f"SELECT extract(year FROM created_at {_ZONE})::int, count(*), sum(total_cents)"
        ' FROM "order" WHERE restaurant_id = :restaurant AND idempotency_key LIKE :key GROUP BY 1'
    ),
    OldTable.ORDER_LINES: (
        f"SELECT extract(year FROM o.created_at {_ZONE})::int, count(*), sum(l.total_cents)"
        ' FROM "order" o JOIN order_line l ON l.restaurant_id = o.restaurant_id'
        " AND l.order_id = o.id"
        " WHERE o.restaurant_id = :restaurant AND o.idempotency_key LIKE :key GROUP BY 1"
    ),
    OldTable.RESERVATIONS: (
        f"SELECT extract(year FROM starts_at {_ZONE})::int, count(*), 0 FROM reservation"
        " WHERE restaurant_id = :restaurant AND idempotency_key LIKE :key GROUP BY 1"
    ),
}


@dataclass(frozen=True, slots=True)
class Total:
    """So many rows of one table and year, which come to so many cents."""

    rows: int = 0
    cents: int = 0

    def plus(self, *, rows: int = 1, cents: int = 0) -> "Total":
        return Total(self.rows + rows, self.cents + cents)


@dataclass(slots=True)
class Totals:
    """Totals by table and by the year that the restaurant's calendar showed."""

    zone: ZoneInfo
    by_year: dict[Year, Total] = field(default_factory=lambda: defaultdict(Total))

    def add_orders(self, orders: Iterable[ReadOrder]) -> None:
        for one in orders:
            at = one.order["created_at"]
            self._add(OldTable.ORDERS, at, one.order["total_cents"])
            for line in one.lines:
                self._add(OldTable.ORDER_LINES, at, line["total_cents"])

    def add_reservations(self, reservations: Iterable[Values]) -> None:
        for one in reservations:
            self._add(OldTable.RESERVATIONS, one["starts_at"], 0)

    def _add(self, table: OldTable, at: datetime, cents: int) -> None:
        key = (table, at.astimezone(self.zone).year)
        self.by_year[key] = self.by_year[key].plus(cents=cents)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One table's year in the file, without what was refused, and in the database."""

    table: OldTable
    year: int
    file: Total
    database: Total

    @property
    def same(self) -> bool:
        return self.file == self.database


async def stored_totals(session: AsyncSession, restaurant_id: UUID, zone: ZoneInfo) -> Totals:
    """What the database has of this restaurant's imports."""
    totals = Totals(zone)
    values = {"restaurant": restaurant_id, "zone": str(zone), "key": f"{KEY}%"}
    for table, query in _QUERIES.items():
        for year, rows, cents in await session.execute(text(query), values):
            totals.by_year[table, year] = Total(rows, int(cents))
    return totals


def compare(file: Totals, database: Totals) -> tuple[Compared, ...]:
    """Every year that either has, by table."""
    years = sorted({*file.by_year, *database.by_year})
    return tuple(
        Compared(
            table=table,
            year=year,
            file=file.by_year.get((table, year), Total()),
            database=database.by_year.get((table, year), Total()),
        )
        for table, year in years
    )
