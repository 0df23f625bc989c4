"""A restaurant's menu between its rows and a document: everything on it, on sale or not."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
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

DishIds = Mapping[UUID, tuple[str, str]]
"""Which dish is which, whatever it is called next: its category's name and its own, by its id."""

_LINKED: Final = func.array(
    select(ItemOptionGroup.option_group_id)
    .where(
        ItemOptionGroup.restaurant_id == MenuItem.restaurant_id,
        ItemOptionGroup.item_id == MenuItem.id,
    )
    .correlate(MenuItem)
    .scalar_subquery()
).label("linked")
_NEEDED: Final = func.array(
    select(Ingredient.name)
    .join(ItemIngredient, ItemIngredient.ingredient_id == Ingredient.id)
    .where(
        ItemIngredient.restaurant_id == MenuItem.restaurant_id,
        ItemIngredient.item_id == MenuItem.id,
    )
    .order_by(Ingredient.name)
    .correlate(MenuItem)
    .scalar_subquery()
).label("needed")


def _windows_of(owner: Any) -> Any:
    """The hours of a dish or a category, whose id `owner` is, as JSON of `WindowEntry`."""
    window = func.json_build_object(
        *("days", AvailabilityWindow.weekdays),
        *("opens", AvailabilityWindow.opens),
        *("closes", AvailabilityWindow.closes),
    )
    is_its = or_(AvailabilityWindow.item_id == owner, AvailabilityWindow.category_id == owner)
    return (
        select(func.json_agg(aggregate_order_by(window, AvailabilityWindow.position)))
        .where(AvailabilityWindow.restaurant_id == MenuCategory.restaurant_id, is_its)
        .correlate(MenuCategory, MenuItem)
        .scalar_subquery()
    )


_OPTION: Final = [column.label(f"option_{column.name}") for column in Option.__table__.columns]


async def read_document(session: AsyncSession, restaurant_id: UUID) -> MenuDocument:
    """The menu as its rows are now; groups of one name are told apart by a number."""
    return (await read_with_ids(session, restaurant_id))[0]


async def read_with_ids(session: AsyncSession, restaurant_id: UUID) -> tuple[MenuDocument, DishIds]:
    """The menu and its dishes' ids, in two queries however large it is.

    Columns are read and no entities: rows are written past the session.
    """
    groups = await _groups(session, restaurant_id)
    categories: dict[UUID, Any] = {}
    items: dict[UUID, list[ItemEntry]] = defaultdict(list)
    dish_ids: dict[UUID, tuple[str, str]] = {}
    for row in await session.execute(_dishes_of(restaurant_id)):
        categories[row.of_category] = row
        if row.id is not None:
            linked = [group.name for group_id, group in groups.items() if group_id in row.linked]
            items[row.of_category].append(_item(row, linked))
            dish_ids[row.id] = row.category, row.name
    document = MenuDocument.model_construct(
        categories=tuple(
            CategoryEntry.model_construct(
                name=row.category,
                available=_windows(row.category_windows),
                items=tuple(items[category_id]),
            )
            for category_id, row in categories.items()
        ),
        option_groups=tuple(groups.values()),
    )
    return document, dish_ids


def _dishes_of(restaurant_id: UUID) -> Any:
    """Every category with each of its dishes, and once without when it has none."""
    return (
        select(
            MenuCategory.id.label("of_category"),
            MenuCategory.name.label("category"),
            *MenuItem.__table__.columns,
            _LINKED,
            _NEEDED,
            _windows_of(MenuItem.id).label("windows"),
            _windows_of(MenuCategory.id).label("category_windows"),
        )
        .outerjoin(
            MenuItem,
            (MenuItem.restaurant_id == MenuCategory.restaurant_id)
            & (MenuItem.category_id == MenuCategory.id),
        )
        .where(MenuCategory.restaurant_id == restaurant_id)
        .order_by(MenuCategory.position, MenuCategory.id, MenuItem.position, MenuItem.id)
    )


async def _groups(session: AsyncSession, restaurant_id: UUID) -> dict[UUID, GroupEntry]:
    rows = await session.execute(
        select(
            *OptionGroup.__table__.columns,
            *_OPTION,
            MenuItem.name.label("dish"),
            MenuCategory.name.label("dish_of"),
        )
        .outerjoin(
            Option,
            (Option.restaurant_id == OptionGroup.restaurant_id)
            & (Option.option_group_id == OptionGroup.id),
        )
        .outerjoin(MenuItem, MenuItem.id == Option.item_id)
        .outerjoin(MenuCategory, MenuCategory.id == MenuItem.category_id)
        .where(OptionGroup.restaurant_id == restaurant_id)
        .order_by(OptionGroup.position, OptionGroup.id, Option.position, Option.id)
    )
    found: dict[UUID, Any] = {}
    options: dict[UUID, list[OptionEntry]] = defaultdict(list)
    for row in rows:
        found[row.id] = row
        if row.option_id is not None:
            options[row.id].append(_option(row))
    names = _distinct([group.name for group in found.values()])
    return {
        group_id: GroupEntry.model_construct(
            name=name,
            min=group.min_select,
            max=group.max_select,
            free=group.free_count,
            options=tuple(options[group_id]),
        )
        for (group_id, group), name in zip(found.items(), names, strict=True)
    }


def _option(row: Any) -> OptionEntry:
    return OptionEntry.model_construct(
        name=row.dish or row.option_name,
        spoken_name=row.option_spoken_name,
        aliases=tuple(row.option_aliases),
        price_delta_cents=row.option_price_delta_cents,
        default=row.option_by_default,
        category=row.dish_of or "",
    )


def _windows(stored: list[dict[str, Any]] | None) -> tuple[WindowEntry, ...]:
    return tuple(
        WindowEntry.model_construct(
            days=tuple(WEEK[day] for day in window["days"]),
            opens=time.fromisoformat(window["opens"]),
            closes=time.fromisoformat(window["closes"]),
        )
        for window in stored or ()
    )


def _item(row: Any, group_names: Sequence[str]) -> ItemEntry:
    return ItemEntry.model_construct(
        name=row.name,
        spoken_name=row.spoken_name,
        aliases=tuple(row.aliases),
        description=row.description,
        price_cents=row.price_cents,
        vat_rate_bp=row.vat_rate_bp,
        active=row.active,
        allergens=None if row.allergens is None else tuple(map(Allergen, row.allergens)),
        alcohol=row.alcohol,
        set_menu=row.set_menu,
        station=row.station,
        kitchen_points=row.kitchen_points,
        ingredients=tuple(row.needed),
        option_groups=tuple(group_names),
        available=_windows(row.windows),
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
