"""A restaurant's menu as it is in Postgres at one instant: what callers may order now."""

import math
from collections import defaultdict
from collections.abc import Mapping, Set
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts import restaurant_config
from controlplane.contracts.opening import OpeningWindow
from controlplane.models.availability_window import AvailabilityWindow
from controlplane.models.ingredient import Ingredient, ItemIngredient
from controlplane.models.menu import ItemOptionGroup, MenuCategory, MenuItem, Option, OptionGroup
from controlplane.restaurants.distinct_names import with_distinct_names

_ITEM_COLUMNS: Final = tuple(MenuItem.__table__.columns)
_GROUP_COLUMNS: Final = tuple(OptionGroup.__table__.columns)
_OPTION_COLUMNS: Final = tuple(Option.__table__.columns)
_COMPONENT_COLUMNS: Final = tuple(
    MenuItem.__table__.columns[name].label(f"dish_{name}")
    for name in (
        "price_cents",
        "vat_rate_bp",
        "alcohol",
        "allergens",
        "sold_out_until",
        "portions_left",
    )
)
"""Rows are read and never written here: entities of 300 dishes would take longer to make than all
the rest."""


class SoldOut:
    """What is sold out at one instant, and for how long that answer holds."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._returns: list[datetime] = []

    def is_sold_out(self, until: datetime | None) -> bool:
        if until is None or until <= self._now:
            return False
        self._returns.append(until)
        return True

    def seconds_true(self, *, at_most: int) -> int:
        """A dish that comes back in 40 s makes what was read true for 40 s."""
        left = [math.ceil((until - self._now).total_seconds()) for until in self._returns]
        return min([at_most, *left])


async def read_menu(
    session: AsyncSession,
    restaurant_id: UUID,
    sold_out: SoldOut,
    *,
    returning: Mapping[UUID, int] | None = None,
) -> tuple[restaurant_config.MenuItem, ...]:
    """The active dishes in the menu's order, with what goes with them, by names that differ.

    A dish is sold out by itself, by its last portion, or by an ingredient it needs. Portions that
    are `returning`, by dish, count as left.
    """
    lacking = await _items_that_lack(session, restaurant_id, sold_out)
    groups_of = await _groups_of_items(session, restaurant_id, sold_out, lacking)
    windows_of = await _windows(session, restaurant_id)
    back = returning or {}
    rows = await session.execute(
        select(*_ITEM_COLUMNS, MenuCategory.name.label("category"))
        .join(
            MenuCategory,
            (MenuCategory.restaurant_id == MenuItem.restaurant_id)
            & (MenuCategory.id == MenuItem.category_id),
        )
        .where(MenuItem.restaurant_id == restaurant_id, MenuItem.active)
        .order_by(MenuCategory.position, MenuItem.position)
    )
    return with_distinct_names(
        restaurant_config.MenuItem(
            id=item.id,
            name=item.name,
            spoken_name=item.spoken_name,
            aliases=tuple(item.aliases),
            description=item.description,
            category=item.category,
            price_cents=item.price_cents,
            vat_rate_bp=item.vat_rate_bp,
            sold_out=sold_out.is_sold_out(item.sold_out_until)
            or _left(item.portions_left, back.get(item.id, 0)) == 0
            or item.id in lacking,
            portions_left=_left(item.portions_left, back.get(item.id, 0)),
            allergens=_tuple(item.allergens),
            alcohol=item.alcohol,
            set_menu=item.set_menu,
            kitchen_points=item.kitchen_points,
            available=tuple(windows_of[item.id]),
            category_available=tuple(windows_of[item.category_id]),
            option_groups=tuple(groups_of[item.id]),
        )
        for item in rows
    )


def _left(portions: int | None, returning: int) -> int | None:
    return None if portions is None else portions + returning


async def _items_that_lack(
    session: AsyncSession, restaurant_id: UUID, sold_out: SoldOut
) -> set[UUID]:
    """Ids of the dishes that need an ingredient that is not there."""
    needed = await session.execute(
        select(ItemIngredient.item_id, Ingredient.sold_out_until)
        .join(
            Ingredient,
            (Ingredient.restaurant_id == ItemIngredient.restaurant_id)
            & (Ingredient.id == ItemIngredient.ingredient_id),
        )
        .where(
            ItemIngredient.restaurant_id == restaurant_id, Ingredient.sold_out_until.is_not(None)
        )
    )
    return {item_id for item_id, until in needed if sold_out.is_sold_out(until)}


async def _windows(session: AsyncSession, restaurant_id: UUID) -> dict[UUID, list[OpeningWindow]]:
    """When dishes and categories may be had, by the id of either."""
    found: dict[UUID, list[OpeningWindow]] = defaultdict(list)
    rows = await session.execute(
        select(
            func.coalesce(AvailabilityWindow.item_id, AvailabilityWindow.category_id),
            AvailabilityWindow.weekdays,
            AvailabilityWindow.opens,
            AvailabilityWindow.closes,
        )
        .where(AvailabilityWindow.restaurant_id == restaurant_id)
        .order_by(AvailabilityWindow.position)
    )
    for owner_id, weekdays, opens, closes in rows:
        found[owner_id] += [
            OpeningWindow(weekday=day, opens=opens, closes=closes) for day in weekdays
        ]
    return found


async def _option_groups(
    session: AsyncSession, restaurant_id: UUID, sold_out: SoldOut, lacking: Set[UUID]
) -> dict[UUID, restaurant_config.OptionGroup]:
    """Every group with its options, by its id, in the order the restaurant gave them."""
    options = await _options(session, restaurant_id, sold_out, lacking)
    groups = await session.execute(
        select(*_GROUP_COLUMNS)
        .where(OptionGroup.restaurant_id == restaurant_id)
        .order_by(OptionGroup.position)
    )
    return {
        group.id: restaurant_config.OptionGroup(
            id=group.id,
            name=group.name,
            min_select=group.min_select,
            max_select=group.max_select,
            free_count=group.free_count,
            options=tuple(options[group.id]),
        )
        for group in groups
    }


async def _options(
    session: AsyncSession, restaurant_id: UUID, sold_out: SoldOut, lacking: Set[UUID]
) -> dict[UUID, list[restaurant_config.Option]]:
    """Every option, by its group's id. One that is a dish is sold out when the dish is."""
    by_group: dict[UUID, list[restaurant_config.Option]] = defaultdict(list)
    options = await session.execute(
        select(*_OPTION_COLUMNS, *_COMPONENT_COLUMNS)
        .outerjoin(
            MenuItem,
            (MenuItem.restaurant_id == Option.restaurant_id) & (MenuItem.id == Option.item_id),
        )
        .where(Option.restaurant_id == restaurant_id)
        .order_by(Option.position)
    )
    for option in options:
        by_group[option.option_group_id].append(
            restaurant_config.Option(
                id=option.id,
                name=option.name,
                spoken_name=option.spoken_name,
                aliases=tuple(option.aliases),
                price_delta_cents=option.price_delta_cents,
                sold_out=sold_out.is_sold_out(option.sold_out_until)
                or sold_out.is_sold_out(option.dish_sold_out_until)
                or option.dish_portions_left == 0
                or option.item_id in lacking,
                by_default=option.by_default,
                component=None
                if option.item_id is None
                else restaurant_config.Component(
                    price_cents=option.dish_price_cents,
                    vat_rate_bp=option.dish_vat_rate_bp,
                    alcohol=option.dish_alcohol,
                    allergens=_tuple(option.dish_allergens),
                ),
            )
        )
    return by_group


def _tuple(allergens: list[str] | None) -> tuple[str, ...] | None:
    return None if allergens is None else tuple(allergens)


async def _groups_of_items(
    session: AsyncSession, restaurant_id: UUID, sold_out: SoldOut, lacking: Set[UUID]
) -> dict[UUID, list[restaurant_config.OptionGroup]]:
    """The option groups that go with each dish, in the restaurant's order, by the dish's id."""
    groups = await _option_groups(session, restaurant_id, sold_out, lacking)
    groups_of: dict[UUID, list[restaurant_config.OptionGroup]] = defaultdict(list)
    links = await session.execute(
        select(ItemOptionGroup.item_id, ItemOptionGroup.option_group_id)
        .join(
            OptionGroup,
            (OptionGroup.restaurant_id == ItemOptionGroup.restaurant_id)
            & (OptionGroup.id == ItemOptionGroup.option_group_id),
        )
        .where(ItemOptionGroup.restaurant_id == restaurant_id)
        .order_by(OptionGroup.position)
    )
    for item_id, group_id in links:
        groups_of[item_id].append(groups[group_id])
    return groups_of
