"""A document takes the place of a restaurant's menu, in one transaction: all of it or nothing.

What is on the menu before and after keeps its row's id: carts and orders of the moment name it, and
what is sold out stays so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, Table, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.registry import Base
from controlplane.restaurants.menu_changes import Change, Place, changes_between
from controlplane.restaurants.menu_document import WEEK, MenuDocument, Windows
from controlplane.restaurants.menu_rows import DishIds, read_with_ids
from controlplane.restaurants.menu_words import Words, words_of

Key = tuple[Words, Words]
"""The words of a category's or a group's name, and of what is in it."""
Values = dict[str, Any]
"""One row's columns."""

_TABLES: Final = Base.metadata.tables
_CATEGORY: Final = _TABLES["menu_category"]
_ITEM: Final = _TABLES["menu_item"]
_GROUP: Final = _TABLES["option_group"]
_OPTION: Final = _TABLES["option"]
_LINK: Final = _TABLES["item_option_group"]
_INGREDIENT: Final = _TABLES["ingredient"]
_NEEDS: Final = _TABLES["item_ingredient"]
_WINDOW: Final = _TABLES["availability_window"]


async def import_menu(
    session: AsyncSession,
    restaurant_id: UUID,
    document: MenuDocument,
    *,
    dish_ids: DishIds | None = None,
) -> tuple[Change, ...]:
    """Write the document over the menu and return what that changes; the caller commits.

    Two imports at once take turns. A dish is the one before when category and name are the same,
    or when `dish_ids` say so.
    """
    await lock_menu(session, restaurant_id)
    before, ids_before = await read_with_ids(session, restaurant_id)
    if before != document:
        await _write(session, restaurant_id, document, dish_ids or {})
    return changes_between(before, document, moved=moves(ids_before, dish_ids or {}))


def moves(before: DishIds, after: DishIds) -> dict[Place, Place]:
    """Where each dish was, and where it is now, of those that are at another place."""
    return {
        before[dish_id]: place
        for dish_id, place in after.items()
        if before.get(dish_id, place) != place
    }


async def lock_menu(session: AsyncSession, restaurant_id: UUID) -> None:
    """Let nobody else replace this restaurant's menu before the commit."""
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext(f"menu:{restaurant_id}"), 0))
    )


async def _write(
    session: AsyncSession, restaurant_id: UUID, document: MenuDocument, dish_ids: DishIds
) -> None:
    """What others refer to is written first and deleted last."""
    ids = await _ids(session, restaurant_id)
    taken = set(dish_ids)
    ids[_ITEM] = {key: row_id for key, row_id in ids[_ITEM].items() if row_id not in taken}
    ids[_ITEM] |= {_key(*place): dish_id for dish_id, place in dish_ids.items()}
    rows = _rows(document, ids)
    for table in (_CATEGORY, _GROUP, _INGREDIENT, _ITEM, _OPTION):
        await _upsert(session, table, _owned(restaurant_id, rows[table]))
    for table, links in (
        (_LINK, _group_links),
        (_NEEDS, _ingredient_links),
        (_WINDOW, _windows),
    ):
        await session.execute(delete(table).where(table.c.restaurant_id == restaurant_id))
        linked = _owned(restaurant_id, links(document, rows))
        if linked:
            await session.execute(insert(table), linked)
    for table in (_ITEM, _OPTION, _CATEGORY, _GROUP, _INGREDIENT):
        kept = [row["id"] for row in rows[table]]
        gone = (table.c.restaurant_id == restaurant_id) & table.c.id.not_in(kept)
        await session.execute(delete(table).where(gone))


async def _ids(session: AsyncSession, restaurant_id: UUID) -> dict[Table, dict[Key, UUID]]:
    """The id of everything that is on the menu now."""
    nobody = literal("")
    in_category = _CATEGORY.c.id == _ITEM.c.category_id
    in_group = _GROUP.c.id == _OPTION.c.option_group_id
    queries: dict[Table, Select[Any]] = {
        _CATEGORY: select(_CATEGORY.c.id, nobody, _CATEGORY.c.name),
        _GROUP: select(_GROUP.c.id, nobody, _GROUP.c.name),
        _INGREDIENT: select(_INGREDIENT.c.id, nobody, _INGREDIENT.c.name),
        _ITEM: select(_ITEM.c.id, _CATEGORY.c.name, _ITEM.c.name).join(_CATEGORY, in_category),
        _OPTION: select(_OPTION.c.id, _GROUP.c.name, _OPTION.c.name).join(_GROUP, in_group),
    }
    found: dict[Table, dict[Key, UUID]] = {}
    for table, query in queries.items():
        rows = await session.execute(query.where(table.c.restaurant_id == restaurant_id))
        found[table] = {_key(owner, name): row_id for row_id, owner, name in rows}
    return found


def _rows(
    document: MenuDocument, ids: Mapping[Table, Mapping[Key, UUID]]
) -> dict[Table, list[Values]]:
    """Every row but the links, under its old id or a new one."""
    rows: dict[Table, list[Values]] = {table: [] for table in ids}
    items: dict[Key, UUID] = {}

    def add(table: Table, owner: str, name: str, **values: object) -> UUID:
        row_id = ids[table].get(_key(owner, name)) or new_id()
        rows[table].append({"id": row_id, "name": name, **values})
        return row_id

    for position, category in enumerate(document.categories):
        category_id = add(_CATEGORY, "", category.name, position=position)
        for at, item in enumerate(category.items):
            values = item.model_dump(exclude={"name", "option_groups", "ingredients", "available"})
            values |= {"category_id": category_id, "position": at}
            item_id = add(_ITEM, category.name, item.name, **values)
            items[_key(category.name, item.name)] = item_id
    for name in document.ingredients():
        add(_INGREDIENT, "", name)
    for position, group in enumerate(document.option_groups):
        limits = {"min_select": group.min, "max_select": group.max, "free_count": group.free}
        group_id = add(_GROUP, "", group.name, position=position, **limits)
        for at, option in enumerate(group.options):
            values = option.model_dump(exclude={"name", "default", "category"})
            values |= {"option_group_id": group_id, "position": at, "by_default": option.default}
            values["item_id"] = items.get(_key(option.category, option.name))
            add(_OPTION, group.name, option.name, **values)
    return rows


def _group_links(
    document: MenuDocument, rows: Mapping[Table, Sequence[Values]]
) -> Iterator[Values]:
    """Which groups go with which item; items are in the document's order."""
    group_ids = {row["name"]: row["id"] for row in rows[_GROUP]}
    for (_, item), row in zip(document.placed_items(), rows[_ITEM], strict=True):
        for name in dict.fromkeys(item.option_groups):
            yield {"item_id": row["id"], "option_group_id": group_ids[name]}


def _ingredient_links(
    document: MenuDocument, rows: Mapping[Table, Sequence[Values]]
) -> Iterator[Values]:
    """Which ingredients each item needs, however their names are written."""
    ids = {_key("", row["name"]): row["id"] for row in rows[_INGREDIENT]}
    for (_, item), row in zip(document.placed_items(), rows[_ITEM], strict=True):
        for ingredient_id in dict.fromkeys(ids[_key("", name)] for name in item.ingredients):
            yield {"item_id": row["id"], "ingredient_id": ingredient_id}


def _windows(document: MenuDocument, rows: Mapping[Table, Sequence[Values]]) -> Iterator[Values]:
    """When categories and dishes may be had; both are in the document's order."""
    owners: list[tuple[str, Values, Windows]] = [
        ("category_id", row, category.available)
        for category, row in zip(document.categories, rows[_CATEGORY], strict=True)
    ]
    owners += [
        ("item_id", row, item.available)
        for (_, item), row in zip(document.placed_items(), rows[_ITEM], strict=True)
    ]
    for column, row, windows in owners:
        for position, window in enumerate(windows):
            yield {
                "id": new_id(),
                "category_id": None,
                "item_id": None,
                column: row["id"],
                "weekdays": [WEEK.index(day) for day in window.days],
                "opens": window.opens,
                "closes": window.closes,
                "position": position,
            }


def _owned(restaurant_id: UUID, rows: Iterable[Values]) -> list[Values]:
    return [{"restaurant_id": restaurant_id, **row} for row in rows]


async def _upsert(session: AsyncSession, table: Table, rows: list[Values]) -> None:
    """Columns that no document has, such as `sold_out_until`, stay as they are."""
    if not rows:
        return
    inserting = insert(table)
    changed = {name: inserting.excluded[name] for name in rows[0] if name != "id"}
    await session.execute(
        inserting.on_conflict_do_update(index_elements=["id"], set_=changed), rows
    )


def _key(owner: str, name: str) -> Key:
    return words_of(owner, accents=True), words_of(name, accents=True)
