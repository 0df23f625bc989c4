"""A dining plan is read and written whole; who calls these commits. The next booking goes by it.

Rows are known by their names. What is no longer in the plan is given to nobody from then on, and
who has it keeps it: reservations point to it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.dining_area import DiningArea
from controlplane.models.dining_table import DiningTable
from controlplane.models.reservation_shift import ReservationShift, TurnTime
from controlplane.models.table_combination import CombinedTable, TableCombination
from controlplane.restaurants.audit import audit
from controlplane.restaurants.dining_plan import (
    Area,
    Combination,
    DiningPlan,
    PlannedShift,
    Table,
    Turn,
)
from controlplane.restaurants.reservation_book import read_combinations, read_turns
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from controlplane.restaurants.setup_lock import lock_setup

Row = TypeVar("Row", DiningArea, DiningTable, TableCombination, ReservationShift)


async def read_plan(session: AsyncSession, restaurant_id: UUID) -> DiningPlan:
    """The plan as guests are booked by it."""
    areas = await _by_name(session, DiningArea, restaurant_id)
    tables = [one for one in await _rows(session, DiningTable, restaurant_id) if one.active]
    names = {table.id: table.name for table in tables}
    tables.sort(key=lambda table: (table.position, table.name))
    return DiningPlan(
        areas=tuple(
            Area(
                name=area.name,
                tables=tuple(_table(one) for one in tables if one.area_id == area.id),
            )
            for area in sorted(areas.values(), key=lambda area: (area.position, area.name))
        ),
        combinations=await _combinations(session, restaurant_id, names),
        shifts=await _shifts(session, restaurant_id),
    )


async def write_plan(
    session: AsyncSession,
    restaurant_id: UUID,
    plan: DiningPlan,
    *,
    actor: str,
    over: DiningPlan | None = None,
) -> None:
    """Make this the restaurant's plan; `over` is the plan that it was made of.

    Raises `ChangedMeanwhile` when another stands in its place by now.
    """
    await lock_setup(session, restaurant_id)
    before = await read_plan(session, restaurant_id)
    if over is not None and before != over:
        raise ChangedMeanwhile
    areas = await _write_areas(session, restaurant_id, plan)
    tables = await _write_tables(session, restaurant_id, plan, areas)
    await _write_combinations(session, restaurant_id, plan, tables)
    await _write_shifts(session, restaurant_id, plan)
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="set_dining_plan",
        object="dining_plan",
        before=_told(before),
        after=_told(plan),
    )


async def _write_areas(
    session: AsyncSession, restaurant_id: UUID, plan: DiningPlan
) -> Mapping[str, UUID]:
    """An area that is no longer named stays, without tables that are given away."""
    rows = await _by_name(session, DiningArea, restaurant_id)
    for position, area in enumerate(plan.areas):
        row = _row(session, rows, DiningArea, restaurant_id, area.name)
        row.position = position
    await session.flush()
    return {name: row.id for name, row in rows.items()}


async def _write_tables(
    session: AsyncSession, restaurant_id: UUID, plan: DiningPlan, areas: Mapping[str, UUID]
) -> Mapping[str, UUID]:
    rows = await _by_name(session, DiningTable, restaurant_id)
    for row in rows.values():
        row.active = False
    for area in plan.areas:
        for position, table in enumerate(area.tables):
            row = _row(session, rows, DiningTable, restaurant_id, table.name)
            row.area_id, row.position, row.active = areas[area.name], position, True
            row.min_covers, row.max_covers = table.min_covers, table.max_covers
    await session.flush()
    return {name: row.id for name, row in rows.items()}


async def _write_combinations(
    session: AsyncSession, restaurant_id: UUID, plan: DiningPlan, tables: Mapping[str, UUID]
) -> None:
    rows = await _by_name(session, TableCombination, restaurant_id)
    for row in rows.values():
        row.active = False
    for one in plan.combinations:
        row = _row(session, rows, TableCombination, restaurant_id, one.name)
        row.min_covers, row.max_covers, row.active = one.min_covers, one.max_covers, True
    await session.execute(delete(CombinedTable).where(CombinedTable.restaurant_id == restaurant_id))
    await session.flush()
    session.add_all(
        CombinedTable(
            restaurant_id=restaurant_id, combination_id=rows[one.name].id, table_id=tables[name]
        )
        for one in plan.combinations
        for name in one.tables
    )


async def _write_shifts(session: AsyncSession, restaurant_id: UUID, plan: DiningPlan) -> None:
    rows = await _by_name(session, ReservationShift, restaurant_id)
    for row in rows.values():
        row.active = False
    for shift in plan.shifts:
        row = _row(session, rows, ReservationShift, restaurant_id, shift.name)
        row.weekdays, row.active = sorted(shift.weekdays), True
        for column, value in shift.model_dump(exclude={"name", "weekdays", "turns"}).items():
            setattr(row, column, value)
    named = [rows[shift.name].id for shift in plan.shifts]
    await session.execute(
        delete(TurnTime).where(
            TurnTime.restaurant_id == restaurant_id, TurnTime.shift_id.in_(named)
        )
    )
    await session.flush()
    session.add_all(
        TurnTime(restaurant_id=restaurant_id, shift_id=rows[shift.name].id, **turn.model_dump())
        for shift in plan.shifts
        for turn in shift.turns
    )


async def _rows(session: AsyncSession, model: type[Row], restaurant_id: UUID) -> Sequence[Row]:
    found = await session.scalars(
        select(model)
        .where(model.restaurant_id == restaurant_id)
        .execution_options(populate_existing=True)
    )
    return list(found)


async def _by_name(session: AsyncSession, model: type[Row], restaurant_id: UUID) -> dict[str, Row]:
    return {row.name: row for row in await _rows(session, model, restaurant_id)}


def _row(
    session: AsyncSession, rows: dict[str, Row], model: type[Row], restaurant_id: UUID, name: str
) -> Row:
    """The row of that name, a new one where there is none."""
    if name not in rows:
        rows[name] = model(id=new_id(), restaurant_id=restaurant_id, name=name)
        session.add(rows[name])
    return rows[name]


async def _combinations(
    session: AsyncSession, restaurant_id: UUID, names: Mapping[UUID, str]
) -> tuple[Combination, ...]:
    """Those whose tables are all in use: others are given to nobody."""
    return tuple(
        Combination(
            name=row.name,
            min_covers=row.min_covers,
            max_covers=row.max_covers,
            tables=tuple(sorted(names[table_id] for table_id in table_ids)),
        )
        for row, table_ids in await read_combinations(session, restaurant_id)
        if names.keys() >= set(table_ids)
    )


async def _shifts(session: AsyncSession, restaurant_id: UUID) -> tuple[PlannedShift, ...]:
    turns = await read_turns(session, restaurant_id)
    rows = (await _by_name(session, ReservationShift, restaurant_id)).values()
    return tuple(
        PlannedShift(
            turns=tuple(
                Turn(up_to_covers=one.up_to_covers, minutes=one.minutes)
                for one in turns
                if one.shift_id == row.id
            ),
            **{
                column: getattr(row, column)
                for column in PlannedShift.model_fields
                if column != "turns"
            },
        )
        for row in sorted(rows, key=lambda row: (row.first_seating, row.name))
        if row.active
    )


def _table(row: DiningTable) -> Table:
    return Table(name=row.name, min_covers=row.min_covers, max_covers=row.max_covers)


def _told(plan: DiningPlan) -> dict[str, Any]:
    """What the audit log says of a plan, a line each."""
    return {
        "tables": ", ".join(f"{t.name} {t.min_covers}-{t.max_covers}" for t in plan.tables),
        "combinations": ", ".join(
            f"{'+'.join(c.tables)} {c.min_covers}-{c.max_covers}" for c in plan.combinations
        ),
        "shifts": "; ".join(shift.model_dump_json() for shift in plan.shifts),
    }
