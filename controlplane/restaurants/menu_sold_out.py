"""What runs out: a dish, an option, an ingredient with all that needs it, or portions by number."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.ingredient import Ingredient, ItemIngredient
from controlplane.models.menu import MenuItem, Option
from controlplane.registrations.report import near
from controlplane.restaurants.errors import NotOnMenu
from controlplane.restaurants.menu_words import words_of


async def set_sold_out(
    session: AsyncSession, restaurant_id: UUID, name: str, *, until: datetime | None
) -> tuple[str, ...]:
    """Take everything of that name off sale until then; None puts it back. The caller commits.

    Returns the names of what is affected: the dishes that need it, if it is an ingredient. Live
    calls hear of it at once (`notify_restaurant_changed`). Raises `NotOnMenu`.
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
