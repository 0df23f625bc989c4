"""What differs between two menus, entry by entry, in French. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from controlplane.restaurants.menu_document import MenuDocument
from controlplane.restaurants.menu_sentences import typeset


class ChangeKind(StrEnum):
    """The values are what a list of changes begins its lines with."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"


@dataclass(frozen=True, slots=True)
class Detail:
    """One field that differs, as a document has its values."""

    field: str
    before: object
    after: object

    def __str__(self) -> str:
        before, after = _shown(self.field, self.before), _shown(self.field, self.after)
        return f"{_FIELDS[self.field]} {before} → {after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One entry that is new, gone or different; `details` says field by field what differs.

    `owner` is the category of a dish, the group of an option; a group and a category have none.
    """

    kind: ChangeKind
    owner: str
    name: str
    details: tuple[Detail, ...] = ()
    price_cents: int | None = None
    """A new dish has these."""

    @property
    def place(self) -> str:
        return " › ".join(filter(None, (self.owner, self.name)))

    def __str__(self) -> str:
        said = [str(detail) for detail in self.details]
        if self.price_cents is not None:
            said.append(_euros(self.price_cents))
        line = f"{self.kind} {self.place}"
        return typeset(f"{line} : {', '.join(said)}" if said else line)


Place = tuple[str, str]
"""The name of a category and of a dish in it; of a group and an option; "" and a group's name."""

_FIELDS: Final = {
    "owner": "catégorie",
    "name": "nom",
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
_UNORDERED: Final = frozenset({"allergens", "ingredients", "option_groups"})
_Entries = dict[Place, dict[str, Any]]


def changes_between(
    before: MenuDocument, after: MenuDocument, *, moved: Mapping[Place, Place] | None = None
) -> tuple[Change, ...]:
    """Every entry that differs, in the newer menu's order, what is gone last.

    A dish that is called otherwise, or is in another category, is gone from the one and new in the
    other, unless `moved` names its place before and after; a new order alone is no change.
    """
    new = _entries(after)
    follow = moved or {}
    old: _Entries = {}
    gone: list[Change] = []
    for place, values in _entries(before).items():
        if follow.get(place, place) not in new or (
            place not in follow and place in follow.values()
        ):
            gone.append(_removed(values))
        else:
            old[follow.get(place, place)] = values
    hours = _category_hours(before, after)
    added_or_changed = [
        change
        for place, values in new.items()
        if (change := _change(place, old.get(place), values))
    ]
    return (*hours, *added_or_changed, *gone)


def _category_hours(before: MenuDocument, after: MenuDocument) -> Iterator[Change]:
    """A category is no entry of its own, but for when it may be had."""
    was = {category.name: category.available for category in before.categories}
    for category in after.categories:
        old, new = was.get(category.name, ()), category.available
        if details := tuple(_details({"available": old}, {"available": new})):
            kind = ChangeKind.CHANGED
            yield Change(kind=kind, owner="", name=category.name, details=details)


def _entries(menu: MenuDocument) -> _Entries:
    """Items by category and name, options by group and name, groups by their name alone."""
    found: _Entries = {}
    for category in menu.categories:
        for item in category.items:
            found[category.name, item.name] = {"owner": category.name, **dict(item)}
    for group in menu.option_groups:
        fields = dict(group)
        del fields["options"]
        found["", group.name] = {"owner": "", **fields}
        for option in group.options:
            found[group.name, option.name] = {"owner": group.name, **dict(option)}
    return found


def _change(place: Place, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Change | None:
    owner, name = place
    if old is None:
        price = new.get("price_cents")
        return Change(kind=ChangeKind.ADDED, owner=owner, name=name, price_cents=price)
    details = tuple(_details(old, new))
    kind = ChangeKind.CHANGED
    return Change(kind=kind, owner=owner, name=name, details=details) if details else None


def _removed(values: Mapping[str, Any]) -> Change:
    return Change(kind=ChangeKind.REMOVED, owner=values["owner"], name=values["name"])


def _details(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Detail]:
    for name, value in new.items():
        if _compared(name, value) != _compared(name, old[name]):
            yield Detail(name, old[name], value)


def _compared(name: str, value: Any) -> Any:
    """What is declared or needed has no order: rows keep none."""
    return set(value) if name in _UNORDERED and value is not None else value


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
