"""Everything a restaurant has of one number, for who asks for it (RGPD, art. 15 and 20).

Rows are found by the number, wherever it stands, and by what belongs to them: a call's turns, an
order's lines. Tables come from the catalogue, so that a new one is exported too.
"""

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import Order
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import ADMIN, audit
from controlplane.restaurants.erase_caller import calls_of_number
from controlplane.restaurants.find_person import (
    TextColumns,
    number_pattern,
    see_only,
    text_columns,
)
from controlplane.restaurants.read_number import read_number

NOT_A_CALLERS: Final = frozenset(
    {"escalation_step", "restaurant", "sip_registration", "transfer_target"}
)
"""The restaurant's own number, line and people are no caller's data."""
_OF_CALLS: Final = ("faq_gap", "task")
"""These name a call without a foreign key: they are committed before the call's row."""
_SECRET: Final = "(_encrypted|_hash)$"
"""Columns of these names hold secrets of ours."""

_CHILDREN: Final = text(
    """
SELECT f.conrelid::regclass::text, quote_ident(child.attname), quote_ident(parent.attname)
FROM pg_constraint f
JOIN pg_attribute child ON child.attrelid = f.conrelid AND child.attnum = ANY(f.conkey)
JOIN pg_attribute parent ON parent.attrelid = f.confrelid
  AND parent.attnum = f.confkey[array_position(f.conkey, child.attnum)]
WHERE f.contype = 'f' AND f.confrelid = CAST(quote_ident(:table) AS regclass)
  AND has_table_privilege(f.conrelid, 'SELECT')
  AND parent.attname = 'id' AND cardinality(f.conkey) > 1
"""
)
"""Tables whose rows belong to a row of `table`, by the id beside the restaurant's."""

Row = dict[str, Any]
Export = dict[str, list[Row]]
"""Rows as JSON, by table; recordings in hexadecimal."""


async def export_caller(
    session: AsyncSession, restaurant: Restaurant, number: str, *, actor: str = ADMIN
) -> Export:
    """Every row about the number at this restaurant; that it was asked for is on record, and not
    for whom. Raises `NotANumber`.
    """
    e164 = read_number(number, own=restaurant.phone_e164)
    await see_only(session, restaurant.id)
    reader = _Reader(session, restaurant)
    for columns in await text_columns(session):
        if columns.readable and columns.table not in NOT_A_CALLERS:
            await reader.read_mentions(columns, number_pattern(e164))
    calls = await calls_of_number(session, frozenset({restaurant.id}), e164)
    await reader.read_rows("call", "id", calls)
    for table in _OF_CALLS:
        await reader.read_rows(table, "call_id", calls)
    orders = select(Order.id).where(Order.restaurant_id == restaurant.id, Order.call_id.in_(calls))
    await reader.read_rows("order", "id", list(await session.scalars(orders)))
    export = await reader.with_children()
    await audit(session, restaurant.id, actor=actor, action="export_caller", object="restaurant")
    return export


class _Reader:
    """Collects rows, each once."""

    def __init__(self, session: AsyncSession, restaurant: Restaurant) -> None:
        self._session, self._restaurant = session, restaurant
        self._rows: dict[str, dict[str, Row]] = {}

    async def read_mentions(self, columns: TextColumns, pattern: str) -> None:
        """Read the rows of a table in which the number stands."""
        holds = " OR ".join(f"{name}::text ~ :pattern" for name in columns.names)
        await self._read(columns.table, holds, pattern=pattern)

    async def read_rows(self, table: str, column: str, values: Collection[object]) -> None:
        """Read the rows whose column has one of these values."""
        if values:
            await self._read(
                table, f"{column}::text = ANY(:values)", values=[str(value) for value in values]
            )

    async def with_children(self) -> Export:
        """Return what was read, with all that belongs to it, however deep."""
        waiting = list(self._rows)
        while waiting:
            table = waiting.pop()
            for child, column, parent in await self._session.execute(_CHILDREN, {"table": table}):
                ids = [row[parent] for row in self._rows[table].values()]
                if await self._read_children(child.strip('"'), column, ids):
                    waiting.append(child.strip('"'))
        return {table: list(rows.values()) for table, rows in sorted(self._rows.items())}

    async def _read_children(self, table: str, column: str, ids: Collection[object]) -> bool:
        """Whether there was a row not read before."""
        before = len(self._rows.get(table, ()))
        await self.read_rows(table, column, ids)
        return len(self._rows.get(table, ())) > before

    async def _read(self, table: str, where: str, **parameters: object) -> None:
        found = await self._session.execute(
            text(
                "SELECT t.ctid::text, (SELECT jsonb_object_agg(key, value) FROM jsonb_each("
                f"to_jsonb(t)) WHERE key !~ '{_SECRET}')"
                f' FROM "{table}" t WHERE t.restaurant_id = :restaurant_id AND ({where})'
            ),
            {"restaurant_id": self._restaurant.id, **parameters},
        )
        rows = {place: row for place, row in found}
        if rows:
            self._rows.setdefault(table, {}).update(rows)
