"""What runs out: a dish, an option, an ingredient with all that needs it, or portions by number."""

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import ORDER_KINDS
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.ingredient import Ingredient, ItemIngredient
from controlplane.models.menu import MenuItem, Option
from controlplane.registrations.report import near
from controlplane.restaurants.audit import audit
from controlplane.restaurants.errors import NotOnMenu
from controlplane.restaurants.menu_words import words_of
from controlplane.restaurants.opening import opening_at
from controlplane.restaurants.what_happens import Calendar

_MORNING: Final = time(4)
"""The evening's service is over by then, and the next day's has not begun."""


class OnSale(StrEnum):
    """What may run out by itself."""

    DISH = "dish"
    OPTION = "option"
    INGREDIENT = "ingredient"


_TABLES: Final[dict[OnSale, type[MenuItem | Option | Ingredient]]] = {
    OnSale.DISH: MenuItem,
    OnSale.OPTION: Option,
    OnSale.INGREDIENT: Ingredient,
}


def back_at(calendar: Calendar, now: datetime) -> datetime:
    """When what ran out is taken to be there again: as the restaurant opens on a later day than
    this service's; next morning where nobody knows when it opens. Pure.
    """
    local = now.astimezone(calendar.zone)
    day = local.date() if local.time() < _MORNING else local.date() + timedelta(days=1)
    morning = datetime.combine(day, _MORNING, calendar.zone)
    found = [opening_at(calendar.hours(kind), morning).following for kind in ORDER_KINDS]
    return min((service.opens for service in found if service), default=morning)


async def set_available(
    session: AsyncSession,
    restaurant_id: UUID,
    what: OnSale,
    id: UUID,
    *,
    sold_out_until: datetime | None,
    actor: str,
) -> str:
    """Take one thing off sale until then, with all that needs it; None puts it back, and a dish
    whose last portion was sold is counted no more. Return its name. The caller commits; live calls
    and open pages hear of it. Raises `NotOnMenu`.
    """
    table = _TABLES[what]
    mine = (table.restaurant_id == restaurant_id, table.id == id)
    row = (await session.execute(select(table.name, table.sold_out_until).where(*mine))).first()
    if row is None:
        raise NotOnMenu(str(id), ())
    values: dict[str, Any] = {"sold_out_until": sold_out_until}
    if what is OnSale.DISH and sold_out_until is None:
        values["portions_left"] = func.nullif(MenuItem.portions_left, 0)
    await session.execute(update(table).where(*mine).values(values))
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="set_available",
        object=f"{what}:{id}",
        before={"sold_out_until": row.sold_out_until},
        after={"sold_out_until": sold_out_until},
    )
    await tell_availability(session, restaurant_id)
    return str(row.name)


async def set_sold_out(
    session: AsyncSession, restaurant_id: UUID, name: str, *, until: datetime | None
) -> tuple[str, ...]:
    """Take everything of that name off sale until then; None puts it back. The caller commits.

    Returns the names of what is affected: the dishes that need it, if it is an ingredient. Live
    calls and open pages hear of it at once. Raises `NotOnMenu`.
    """
    wanted = words_of(name, accents=True)
    known: list[str] = []
    affected: list[str] = []
    for table in (MenuItem, Option, Ingredient):
        rows = await session.execute(
            select(table.id, table.name).where(table.restaurant_id == restaurant_id)
        )
        found = rows.all()
        known += [each.name for each in found]
        ids = [each.id for each in found if words_of(each.name, accents=True) == wanted]
        changed = update(table).where(table.restaurant_id == restaurant_id, table.id.in_(ids))
        await session.execute(changed.values(sold_out_until=until))
        affected += [each.name for each in found if each.id in ids]
        if table is Ingredient:
            affected += await _dishes_with(session, restaurant_id, ids)
    if not affected:
        raise NotOnMenu(name, near(name, known))
    await tell_availability(session, restaurant_id)
    return tuple(dict.fromkeys(affected))


async def set_portions(
    session: AsyncSession, restaurant_id: UUID, name: str, *, left: int | None
) -> tuple[str, ...]:
    """Count the portions of the dishes of that name from `left` on; None counts them no more.

    The caller commits. Raises `NotOnMenu`.
    """
    rows = await session.execute(
        select(MenuItem.id, MenuItem.name).where(MenuItem.restaurant_id == restaurant_id)
    )
    names = {each.id: each.name for each in rows}
    wanted = words_of(name, accents=True)
    ids = [item_id for item_id, known in names.items() if words_of(known, accents=True) == wanted]
    if not ids:
        raise NotOnMenu(name, near(name, names.values()))
    await session.execute(
        update(MenuItem)
        .where(MenuItem.restaurant_id == restaurant_id, MenuItem.id.in_(ids))
        .values(portions_left=left)
    )
    return tuple(names[item_id] for item_id in ids)


async def tell_availability(session: AsyncSession, restaurant_id: UUID) -> None:
    """Have open pages ask what there is; the last row of its transaction."""
    session.add(
        EventOutbox(restaurant_id=restaurant_id, topic=OutboxTopic.AVAILABILITY_CHANGED, payload={})
    )
    await session.flush()


async def _dishes_with(
    session: AsyncSession, restaurant_id: UUID, ingredient_ids: list[UUID]
) -> list[str]:
    names = await session.scalars(
        select(MenuItem.name)
        .join(ItemIngredient, ItemIngredient.item_id == MenuItem.id)
        .where(
            MenuItem.restaurant_id == restaurant_id,
            ItemIngredient.restaurant_id == restaurant_id,
            ItemIngredient.ingredient_id.in_(ingredient_ids),
        )
        .order_by(MenuItem.name)
    )
    return list(names)
