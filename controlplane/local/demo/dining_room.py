"""A dining room with its tables and a shift, for demonstrations, benchmarks and tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.dining_area import DiningArea
from controlplane.models.dining_table import DiningTable
from controlplane.models.reservation_shift import ReservationShift, TurnTime
from controlplane.models.table_combination import CombinedTable, TableCombination

Covers = tuple[int, int]
"""The smallest and the largest party."""


@dataclass(frozen=True, slots=True)
class DiningRoom:
    """Ids of what was added; tables in the order in which they were given."""

    area_id: UUID
    table_ids: tuple[UUID, ...]
    shift_id: UUID


async def add_dining_room(
    session: AsyncSession,
    restaurant_id: UUID,
    *,
    tables: Sequence[Covers] = ((1, 2), (2, 4)),
    combinations: Mapping[tuple[int, ...], Covers] | None = None,
    turns: Mapping[int, int] | None = None,
    name: str = "Salle",
    **rules: Any,
) -> DiningRoom:
    """Add an area with these tables, and a dinner of every evening from 18:00 to 22:30.

    `combinations` name their tables by position, `turns` gives minutes by the largest party, and
    `rules` are columns of the shift. The caller commits.
    """
    area = DiningArea(id=new_id(), restaurant_id=restaurant_id, name=name, position=0)
    session.add(area)
    await session.flush()
    table_ids = await _add_tables(session, area, tables)
    for members, covers in (combinations or {}).items():
        await _combine(session, restaurant_id, [table_ids[one] for one in members], covers, name)
    shift_id = await _add_shift(session, restaurant_id, turns or {4: 90, 8: 120}, name, rules)
    return DiningRoom(area.id, table_ids, shift_id)


async def _add_tables(
    session: AsyncSession, area: DiningArea, tables: Sequence[Covers]
) -> tuple[UUID, ...]:
    rows = [
        DiningTable(
            id=new_id(),
            restaurant_id=area.restaurant_id,
            area_id=area.id,
            name=f"{area.name} {position}",
            min_covers=least,
            max_covers=most,
            position=position,
        )
        for position, (least, most) in enumerate(tables, start=1)
    ]
    session.add_all(rows)
    await session.flush()
    return tuple(row.id for row in rows)


async def _combine(
    session: AsyncSession,
    restaurant_id: UUID,
    table_ids: Sequence[UUID],
    covers: Covers,
    area: str,
) -> None:
    combination = TableCombination(
        id=new_id(),
        restaurant_id=restaurant_id,
        name=f"{area} de {covers[0]} à {covers[1]}",
        min_covers=covers[0],
        max_covers=covers[1],
    )
    session.add(combination)
    await session.flush()
    session.add_all(
        CombinedTable(restaurant_id=restaurant_id, combination_id=combination.id, table_id=table_id)
        for table_id in table_ids
    )
    await session.flush()


async def _add_shift(
    session: AsyncSession,
    restaurant_id: UUID,
    turns: Mapping[int, int],
    area: str,
    rules: Mapping[str, Any],
) -> UUID:
    evening = {
        "name": f"Dîner, {area}",
        "weekdays": list(range(7)),
        "first_seating": time(18),
        "last_seating": time(22, 30),
    }
    shift = ReservationShift(id=new_id(), restaurant_id=restaurant_id, **(evening | dict(rules)))
    session.add(shift)
    await session.flush()
    session.add_all(
        TurnTime(restaurant_id=restaurant_id, shift_id=shift.id, up_to_covers=most, minutes=minutes)
        for most, minutes in turns.items()
    )
    await session.flush()
    return shift.id
