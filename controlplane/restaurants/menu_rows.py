"""A restaurant's menu between its rows and a document: everything on it, on sale or not."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.availability_window import AvailabilityWindow
from controlplane.models.ingredient import Ingredient, ItemIngredient
from controlplane.models.menu import (
    Allergen,
    ItemOptionGroup,
    MenuCategory,
    MenuItem,
    Option,
    OptionGroup,
)
from controlplane.restaurants.menu_document import (
    WEEK,
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
    WindowEntry,
)

_FRESH: Final = {"populate_existing": True}
"""Rows are written past the session: what it remembers of them may be old."""


async def read_document(session: AsyncSession, restaurant_id: UUID) -> MenuDocument:
    """The menu as its rows are now; groups of one name are told apart by a number."""
    categories = await session.scalars(
        select(MenuCategory)
        .where(MenuCategory.restaurant_id == restaurant_id)
        .order_by(MenuCategory.position, MenuCategory.id),
        execution_options=_FRESH,
    )
    groups = await _groups(session, restaurant_id)
    windows = await _windows(session, restaurant_id)
    items = await _items(session, restaurant_id, groups, windows)
    return MenuDocument.model_construct(
        categories=tuple(
            CategoryEntry.model_construct(
                name=category.name,
                available=tuple(windows[category.id]),
                items=tuple(items[category.id]),
            )
            for category in categories
        ),
        option_groups=tuple(groups.values()),
    )


async def _groups(session: AsyncSession, restaurant_id: UUID) -> dict[UUID, GroupEntry]:
    options: dict[UUID, list[OptionEntry]] = defaultdict(list)
    rows = await session.execute(
        select(Option, MenuItem.name, MenuCategory.name)
        .outerjoin(MenuItem, MenuItem.id == Option.item_id)
        .outerjoin(MenuCategory, MenuCategory.id == MenuItem.category_id)
        .where(Option.restaurant_id == restaurant_id)
        .order_by(Option.position, Option.id),
        execution_options=_FRESH,
    )
    for option, dish, category in rows:
        options[option.option_group_id].append(_option(option, dish, category))
    groups = (
        await session.scalars(
            select(OptionGroup)
            .where(OptionGroup.restaurant_id == restaurant_id)
            .order_by(OptionGroup.position, OptionGroup.id),
            execution_options=_FRESH,
        )
    ).all()
    names = _distinct([group.name for group in groups])
    return {
        group.id: GroupEntry.model_construct(
            name=name,
            min=group.min_select,
            max=group.max_select,
            free=group.free_count,
            options=tuple(options[group.id]),
        )
        for group, name in zip(groups, names, strict=True)
    }


def _option(option: Option, dish: str | None, category: str | None) -> OptionEntry:
    """`dish` is the name of the one that the option is, in that category."""
    return OptionEntry.model_construct(
        name=dish or option.name,
        spoken_name=option.spoken_name,
        aliases=tuple(option.aliases),
        price_delta_cents=option.price_delta_cents,
        default=option.by_default,
        category=category or "",
    )


async def _items(
    session: AsyncSession,
    restaurant_id: UUID,
    groups: dict[UUID, GroupEntry],
    windows: dict[UUID, list[WindowEntry]],
) -> dict[UUID, list[ItemEntry]]:
    """Every item, by its category's id."""
    links = await session.scalars(
        select(ItemOptionGroup).where(ItemOptionGroup.restaurant_id == restaurant_id)
    )
    linked = {(link.item_id, link.option_group_id) for link in links}
    ingredients = await _ingredients(session, restaurant_id)
    found: dict[UUID, list[ItemEntry]] = defaultdict(list)
    for item in await session.scalars(
        select(MenuItem)
        .where(MenuItem.restaurant_id == restaurant_id)
        .order_by(MenuItem.position, MenuItem.id),
        execution_options=_FRESH,
    ):
        names = [group.name for group_id, group in groups.items() if (item.id, group_id) in linked]
        found[item.category_id].append(_item(item, names, ingredients[item.id], windows[item.id]))
    return found


async def _windows(session: AsyncSession, restaurant_id: UUID) -> dict[UUID, list[WindowEntry]]:
    """When dishes and categories may be had, by the id of either."""
    found: dict[UUID, list[WindowEntry]] = defaultdict(list)
    for window in await session.scalars(
        select(AvailabilityWindow)
        .where(AvailabilityWindow.restaurant_id == restaurant_id)
        .order_by(AvailabilityWindow.position),
        execution_options=_FRESH,
    ):
        owner_id = window.item_id or window.category_id
        assert owner_id is not None, "held by ck_availability_window_of_one"
        found[owner_id].append(
            WindowEntry.model_construct(
                days=tuple(WEEK[day] for day in window.weekdays),
                opens=window.opens,
                closes=window.closes,
            )
        )
    return found


async def _ingredients(session: AsyncSession, restaurant_id: UUID) -> dict[UUID, list[str]]:
    """What each dish cannot be made without, by the dish's id."""
    found: dict[UUID, list[str]] = defaultdict(list)
    rows = await session.execute(
        select(ItemIngredient.item_id, Ingredient.name)
        .join(Ingredient, Ingredient.id == ItemIngredient.ingredient_id)
        .where(ItemIngredient.restaurant_id == restaurant_id)
        .order_by(Ingredient.name)
    )
    for item_id, name in rows:
        found[item_id].append(name)
    return found


def _item(
    item: MenuItem,
    group_names: Sequence[str],
    ingredients: Sequence[str],
    windows: Sequence[WindowEntry],
) -> ItemEntry:
    return ItemEntry.model_construct(
        name=item.name,
        spoken_name=item.spoken_name,
        aliases=tuple(item.aliases),
        description=item.description,
        price_cents=item.price_cents,
        vat_rate_bp=item.vat_rate_bp,
        active=item.active,
        allergens=None if item.allergens is None else tuple(map(Allergen, item.allergens)),
        alcohol=item.alcohol,
        set_menu=item.set_menu,
        station=item.station,
        kitchen_points=item.kitchen_points,
        ingredients=tuple(ingredients),
        option_groups=tuple(group_names),
        available=tuple(windows),
    )


def _distinct(names: Sequence[str]) -> list[str]:
    """["Taille", "Taille"] becomes ["Taille", "Taille (2)"]."""
    found: list[str] = []
    for name in names:
        label, at = name, 1
        while label in found:
            at += 1
            label = f"{name} ({at})"
        found.append(label)
    return found
