"""What differs between two menus, entry by entry, in French. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from controlplane.restaurants.menu_document import (
    GroupEntry,
    ItemEntry,
    MenuDocument,
    OptionEntry,
)
from controlplane.restaurants.menu_sentences import typeset


class ChangeKind(StrEnum):
    """The values are what a list of changes begins its lines with."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that is new, gone or different; `details` says field by field what differs."""

    kind: ChangeKind
    place: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        line = f"{self.kind} {self.place}"
        return typeset(f"{line} : {', '.join(self.details)}" if self.details else line)


_FIELDS: Final = {
    "spoken_name": "nom parlé",
    "aliases": "autres noms",
    "description": "description",
    "price_cents": "prix",
    "price_delta_cents": "supplément",
    "vat_rate_bp": "TVA",
    "active": "en vente",
    "allergens": "allergènes",
    "alcohol": "alcool",
    "station": "poste",
    "kitchen_points": "charge",
    "ingredients": "ingrédients",
    "option_groups": "options",
    "available": "disponible",
    "min": "minimum",
    "max": "maximum",
    "free": "gratuites",
    "default": "par défaut",
    "category": "plat de la catégorie",
    "set_menu": "formule",
}
_Entries = dict[tuple[str, str], dict[str, Any]]


def changes_between(before: MenuDocument, after: MenuDocument) -> tuple[Change, ...]:
    """Every entry that differs, in the newer menu's order, what is gone last.

    A dish that moves to another category is gone from the one and new in the other; a new order
    alone is no change.
    """
    old, new = _entries(before), _entries(after)
    hours = _category_hours(before, after)
    added_or_changed = [
        change for key, values in new.items() if (change := _change(key, old.get(key), values))
    ]
    gone = [Change(ChangeKind.REMOVED, _place(key)) for key in old if key not in new]
    return (*hours, *added_or_changed, *gone)


def _category_hours(before: MenuDocument, after: MenuDocument) -> Iterator[Change]:
    """A category is no entry of its own, but for when it may be had."""
    was = {category.name: category.available for category in before.categories}
    for category in after.categories:
        old, new = was.get(category.name, ()), category.available
        if details := tuple(_details({"available": old}, {"available": new})):
            yield Change(ChangeKind.CHANGED, category.name, details)


def _entries(menu: MenuDocument) -> _Entries:
    """Items by category and name, options by group and name, groups by their name alone."""
    found: _Entries = {}
    for category in menu.categories:
        for item in category.items:
            found[category.name, item.name] = _fields(item, "name")
    for group in menu.option_groups:
        found["", group.name] = _fields(group, "name", "options")
        for option in group.options:
            found[group.name, option.name] = _fields(option, "name")
    return found


def _fields(entry: ItemEntry | GroupEntry | OptionEntry, *left_out: str) -> dict[str, Any]:
    return {name: value for name, value in entry if name not in left_out}


def _change(
    key: tuple[str, str], old: Mapping[str, Any] | None, new: Mapping[str, Any]
) -> Change | None:
    if old is None:
        price = new.get("price_cents")
        return Change(ChangeKind.ADDED, _place(key), () if price is None else (_euros(price),))
    details = tuple(_details(old, new))
    return Change(ChangeKind.CHANGED, _place(key), details) if details else None


def _details(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name, value in new.items():
        if value != old[name]:
            before, after = _shown(name, old[name]), _shown(name, value)
            yield f"{_FIELDS[name]} {before} → {after}"


def _shown(name: str, value: object) -> str:
    match value:
        case bool():
            return "oui" if value else "non"
        case int() if name.endswith("_cents"):
            return _euros(value)
        case int() if name.endswith("_bp"):
            return f"{value / 100:g} %".replace(".", ",")
        case None:
            return "inconnus"
        case tuple():
            return "« " + " | ".join(map(str, value)) + " »"
        case str():
            return f"« {value} »"
    return str(value)


def _euros(cents: int) -> str:
    return f"{cents / 100:.2f} €".replace(".", ",")


def _place(key: tuple[str, str]) -> str:
    return " › ".join(filter(None, key))
