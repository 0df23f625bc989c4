"""One change of the menu that is worked on, as a page makes it. Pure.

Each takes a menu and gives another back. What names a dish, a category or a group follows when it
is called otherwise: nothing is left that names what is not there.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from uuid import UUID

from pydantic import BaseModel

from controlplane.restaurants.menu_document import (
    CategoryEntry,
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
    dish_words,
)
from controlplane.restaurants.menu_errors import (
    CategoryHasDishes,
    DishOffered,
    EntryChanged,
    NameTaken,
    NotInMenu,
)
from controlplane.restaurants.menu_rows import DishIds
from controlplane.restaurants.menu_words import words_of

NEW: Final = ""
"""The mark of an entry that was not there when its form was shown."""

Entry = TypeVar("Entry", CategoryEntry, GroupEntry)
Moved = TypeVar("Moved", CategoryEntry, ItemEntry)


@dataclass(frozen=True, slots=True)
class PlacedDish:
    """A dish and the category it stands in."""

    category: str
    entry: ItemEntry

    @property
    def mark(self) -> str:
        return mark_of(self.entry, self.category)


@dataclass(frozen=True, slots=True)
class WorkingMenu:
    """The menu as it is worked on: the draft, or the published one while there is none."""

    document: MenuDocument
    dish_ids: DishIds
    revision: int = 0
    """It is the draft’s; 0 says that there is none."""
    begun_from: MenuDocument | None = None
    """The published menu that the draft was begun from."""

    def dish(self, dish_id: UUID) -> PlacedDish:
        """It raises `NotInMenu`."""
        place = self.dish_ids.get(dish_id)
        for category, entry in self.document.placed_items():
            if (category, entry.name) == place:
                return PlacedDish(category, entry)
        raise NotInMenu(dish_id)

    def category(self, name: str) -> CategoryEntry:
        """It raises `NotInMenu`."""
        return _named(self.document.categories, name)

    def group(self, name: str) -> GroupEntry:
        """It raises `NotInMenu`."""
        return _named(self.document.option_groups, name)


def mark_of(entry: BaseModel, owner: str = "") -> str:
    """What a form carries of the entry it shows: another mark is another entry."""
    text = f"{owner}\n{entry.model_dump_json()}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def put_dish(menu: WorkingMenu, dish_id: UUID, dish: PlacedDish, *, seen: str) -> WorkingMenu:
    """Add the dish at the end of its category, or let it take the place of the one it was.

    Raises `EntryChanged`, `NameTaken`, and `NotInMenu` of a category or a group that is not there.
    """
    before = _seen_dish(menu, dish_id, seen)
    menu.category(dish.category)
    for group in dish.entry.option_groups:
        menu.group(group)
    stays = before is not None and before.category == dish.category

    def items_of(category: CategoryEntry) -> Iterable[ItemEntry]:
        for item in category.items:
            if before is None or (category.name, item.name) != (before.category, before.entry.name):
                yield item
            elif stays:
                yield dish.entry
        if category.name == dish.category and not stays:
            yield dish.entry

    categories = [
        _with_items(category, items_of(category)) for category in menu.document.categories
    ]
    changed = _with(menu, categories=categories)
    _check_names(item.name for item in changed.category(dish.category).items)
    if before is not None:
        old = before.category, before.entry.name
        changed = _follow(changed, old, (dish.category, dish.entry.name))
    return replace(changed, dish_ids={**menu.dish_ids, dish_id: (dish.category, dish.entry.name)})


def remove_dish(menu: WorkingMenu, dish_id: UUID, *, seen: str) -> WorkingMenu:
    """Raise `EntryChanged`, `NotInMenu`, and `DishOffered` while an option is this dish."""
    gone = _seen_dish(menu, dish_id, seen)
    if gone is None:
        raise NotInMenu(dish_id)
    words = dish_words(gone.category, gone.entry.name)
    offering = tuple(
        group.name
        for group in menu.document.option_groups
        if any(option.category and option.dish == words for option in group.options)
    )
    if offering:
        raise DishOffered(offering)
    categories = [
        _with_items(category, (item for item in category.items if item is not gone.entry))
        for category in menu.document.categories
    ]
    left = {known: place for known, place in menu.dish_ids.items() if known != dish_id}
    return replace(_with(menu, categories=categories), dish_ids=left)


def move_dish(menu: WorkingMenu, dish_id: UUID, *, up: bool) -> WorkingMenu:
    """Change places with the dish before, or after, in its category. Raises `NotInMenu`."""
    dish = menu.dish(dish_id)
    categories = [
        _with_items(category, _swapped(category.items, dish.entry.name, up=up))
        if category.name == dish.category
        else category
        for category in menu.document.categories
    ]
    return _with(menu, categories=categories)


def put_category(menu: WorkingMenu, name: str, entry: CategoryEntry, *, seen: str) -> WorkingMenu:
    """Add a category (`name` is empty) at the end, or change the name and the hours of one.

    Its dishes stay. Raises `EntryChanged`, `NameTaken`.
    """
    before = _seen(menu.document.categories, name, seen, _settings)
    if before is None:
        changed = _with(menu, categories=[*menu.document.categories, entry])
    else:
        whole = entry.model_copy(update={"items": before.items})
        changed = _with(menu, categories=_replaced(menu.document.categories, before, whole))
    _check_names(category.name for category in changed.document.categories)
    if before is None or before.name == entry.name:
        return changed
    for item in before.items:
        changed = _follow(changed, (before.name, item.name), (entry.name, item.name))
    ids = {
        dish_id: (entry.name if category == before.name else category, dish)
        for dish_id, (category, dish) in menu.dish_ids.items()
    }
    return replace(changed, dish_ids=ids)


def category_mark(entry: CategoryEntry) -> str:
    """The mark of what a category's own form shows: its dishes are other forms'."""
    return mark_of(_settings(entry))


def remove_category(menu: WorkingMenu, name: str) -> WorkingMenu:
    """Raise `NotInMenu`, `CategoryHasDishes`."""
    gone = menu.category(name)
    if gone.items:
        raise CategoryHasDishes(len(gone.items))
    left = [category for category in menu.document.categories if category is not gone]
    return _with(menu, categories=left)


def move_category(menu: WorkingMenu, name: str, *, up: bool) -> WorkingMenu:
    """Change places with the category before, or after. Raises `NotInMenu`."""
    menu.category(name)
    return _with(menu, categories=_swapped(menu.document.categories, name, up=up))


def put_group(menu: WorkingMenu, name: str, entry: GroupEntry, *, seen: str) -> WorkingMenu:
    """Add a group of options (`name` is empty), or let it take the place of the one it was.

    Raises `EntryChanged`, `NameTaken`, and `NotInMenu` of an option that is no dish of the menu.
    """
    before = _seen(menu.document.option_groups, name, seen)
    groups = menu.document.option_groups
    changed = (
        _with(menu, groups=[*groups, entry])
        if before is None
        else _with(menu, groups=_replaced(groups, before, entry))
    )
    _check_names(group.name for group in changed.document.option_groups)
    _check_names(option.name for option in entry.options)
    for _, option in changed.document.unknown_components():
        raise NotInMenu(f"{option.category} › {option.name}")
    return _rename_group(changed, before.name, entry.name) if before is not None else changed


def remove_group(menu: WorkingMenu, name: str, *, seen: str) -> WorkingMenu:
    """Take the group from the menu and from every dish that names it.

    Raises `EntryChanged`, `NotInMenu`.
    """
    gone = _seen(menu.document.option_groups, name, seen)
    if gone is None:
        raise NotInMenu(name)
    left = [group for group in menu.document.option_groups if group is not gone]
    return _rename_group(_with(menu, groups=left), gone.name, None)


def _seen_dish(menu: WorkingMenu, dish_id: UUID, seen: str) -> PlacedDish | None:
    """The dish as it was shown; None of a new one. Raises `EntryChanged`."""
    if seen == NEW and dish_id not in menu.dish_ids:
        return None
    try:
        now = menu.dish(dish_id)
    except NotInMenu:
        raise EntryChanged(None) from None
    if now.mark != seen:
        raise EntryChanged(now)
    return now


def _seen(
    entries: Iterable[Entry],
    name: str,
    seen: str,
    shown: Callable[[Entry], Entry] = lambda entry: entry,
) -> Entry | None:
    if seen == NEW and not name:
        return None
    try:
        now = _named(entries, name)
    except NotInMenu:
        raise EntryChanged(None) from None
    if mark_of(shown(now)) != seen:
        raise EntryChanged(now)
    return now


def _settings(category: CategoryEntry) -> CategoryEntry:
    return category.model_copy(update={"items": ()})


def _named(entries: Iterable[Entry], name: str) -> Entry:
    for entry in entries:
        if entry.name == name:
            return entry
    raise NotInMenu(name)


def _check_names(names: Iterable[str]) -> None:
    """A name twice in one list, however it is written, is refused."""
    known = set()
    for name in names:
        words = words_of(name, accents=True)
        if words in known:
            raise NameTaken(name)
        known.add(words)


def _follow(menu: WorkingMenu, old: tuple[str, str], new: tuple[str, str]) -> WorkingMenu:
    """Options that are the dish are it still under its new name, in its new category."""
    if old == new:
        return menu
    words = dish_words(*old)

    def followed(option: OptionEntry) -> OptionEntry:
        if not option.category or option.dish != words:
            return option
        return option.model_copy(update={"category": new[0], "name": new[1]})

    groups = [
        group.model_copy(update={"options": tuple(map(followed, group.options))})
        for group in menu.document.option_groups
    ]
    return _with(menu, groups=groups)


def _rename_group(menu: WorkingMenu, old: str, new: str | None) -> WorkingMenu:
    """Dishes name the group as it is called now, or no longer when it is gone."""
    if old == new:
        return menu

    def renamed(item: ItemEntry) -> ItemEntry:
        names = (new if name == old else name for name in item.option_groups)
        return item.model_copy(update={"option_groups": tuple(filter(None, names))})

    categories = [
        _with_items(category, map(renamed, category.items)) for category in menu.document.categories
    ]
    return _with(menu, categories=categories)


def _with(
    menu: WorkingMenu,
    *,
    categories: Iterable[CategoryEntry] | None = None,
    groups: Iterable[GroupEntry] | None = None,
) -> WorkingMenu:
    document = menu.document
    changed = document.model_copy(
        update={
            "categories": document.categories if categories is None else tuple(categories),
            "option_groups": document.option_groups if groups is None else tuple(groups),
        }
    )
    return replace(menu, document=changed)


def _with_items(category: CategoryEntry, items: Iterable[ItemEntry]) -> CategoryEntry:
    return category.model_copy(update={"items": tuple(items)})


def _replaced(entries: Iterable[Entry], old: Entry, new: Entry) -> list[Entry]:
    return [new if entry is old else entry for entry in entries]


def _swapped(entries: Iterable[Moved], name: str, *, up: bool) -> list[Moved]:
    found = list(entries)
    at = next(at for at, entry in enumerate(found) if entry.name == name)
    other = at - 1 if up else at + 1
    if 0 <= other < len(found):
        found[at], found[other] = found[other], found[at]
    return found
