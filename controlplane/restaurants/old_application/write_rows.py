"""Rows that were read are written by the batch; what is there already stays as it is.

Nothing of it is told to open pages, rung in the kitchen or counted in a slot: it is history.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.registry import Base
from controlplane.restaurants.old_application.read_rows import ACTOR, ReadOrder, Values
from controlplane.restaurants.order_locks import lock_orders
from controlplane.restaurants.reservation_rows import lock_book, next_number

_TABLES: Final = Base.metadata.tables
_ORDER: Final = _TABLES["order"]
_RESERVATION: Final = _TABLES["reservation"]


async def write_orders(
    session: AsyncSession, orders: Sequence[ReadOrder], *, restaurant_id: UUID
) -> int:
    """Return how many are new; the caller commits, which checks that each adds up."""
    await lock_orders(session, restaurant_id)
    new = upsert(_ORDER).on_conflict_do_nothing(index_elements=["id"]).returning(_ORDER.c.id)
    written = set(await session.scalars(new, [one.order for one in orders]))
    fresh = [one for one in orders if one.order["id"] in written]
    await _insert(session, "order_line", [line for one in fresh for line in one.lines])
    await _insert(session, "order_vat_line", [line for one in fresh for line in one.vat_lines])
    events = [_event(one.order, order_id=one.order["id"]) for one in fresh]
    await _insert(session, "order_event", events)
    return len(fresh)


async def write_reservations(
    session: AsyncSession, reservations: Sequence[Values], *, restaurant_id: UUID
) -> int:
    """Return how many are new; the caller commits. They have no table, for they are over."""
    await lock_book(session, restaurant_id)
    ids = [one["id"] for one in reservations]
    there = set(
        await session.scalars(
            select(_RESERVATION.c.id).where(
                _RESERVATION.c.restaurant_id == restaurant_id, _RESERVATION.c.id.in_(ids)
            )
        )
    )
    first = await next_number(session, restaurant_id)
    fresh = [one for one in reservations if one["id"] not in there]
    numbered = [{**one, "number": number} for number, one in enumerate(fresh, start=first)]
    await _insert(session, "reservation", numbered)
    events = [_event(one, reservation_id=one["id"]) for one in fresh]
    await _insert(session, "reservation_event", events)
    return len(fresh)


async def _insert(session: AsyncSession, name: str, rows: list[Values]) -> None:
    table: Table = _TABLES[name]
    if rows:
        await session.execute(insert(table), rows)


def _event(row: Values, **whose: UUID) -> dict[str, Any]:
    """It says where the row is from: whoever looks at its history sees `import`."""
    return {
        "id": new_id(),
        "restaurant_id": row["restaurant_id"],
        "to_status": row["status"],
        "actor": ACTOR,
        "at": row["created_at"],
        **whose,
    }
