"""The old application's dishes become a menu document, those that are wrong left out with a reason.

Pure, but for what `tell` does.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pydantic import ValidationError

from controlplane.restaurants.menu_document import CategoryEntry, ItemEntry, MenuDocument
from controlplane.restaurants.menu_files import cells
from controlplane.restaurants.menu_files.problems import faults_of
from controlplane.restaurants.menu_words import words_of
from controlplane.restaurants.old_application import values
from controlplane.restaurants.old_application.errors import OldFileRefused, RowRefused
from controlplane.restaurants.old_application.mapping import OldMapping
from controlplane.restaurants.old_application.sqlite_file import Row

MOST_DISHES: Final = 5_000
"""A menu is read as a whole; no restaurant's has so many."""

DISH_RATE_BP: Final = 1_000
"""A dish to come is sold at a rate; that of immediate consumption, as a menu's file has it."""

Refuse = Callable[[object, str], None]
"""Is told the id and the reason of a row that is not taken over."""


def read_menu(
    rows: Iterable[Row], categories: Mapping[str, str], mapping: OldMapping, refuse: Refuse
) -> MenuDocument:
    """The menu of these dishes, in their order. `categories` gives names by old ids, or nothing.

    Raises `OldFileRefused` when they are too many for one menu.
    """
    placed: dict[str, dict[object, ItemEntry]] = {}
    for count, row in enumerate(rows, start=1):
        if count > MOST_DISHES:
            raise OldFileRefused(f"la carte a plus de {MOST_DISHES} plats")
        try:
            category, item = _item(row, categories, mapping)
            same = placed.setdefault(category, {})
            if words_of(item.name, accents=True) in same:
                raise RowRefused(f"« {item.name} » est deux fois dans « {category} » : gardez l'un")
        except RowRefused as refused:
            refuse(row["id"], str(refused))
        else:
            same[words_of(item.name, accents=True)] = item
    try:
        return MenuDocument(
            categories=tuple(
                CategoryEntry(name=name, items=tuple(items.values()))
                for name, items in placed.items()
                if items
            )
        )
    except ValidationError as error:
        path, message = next(faults_of(error))
        place = ".".join(map(str, path))
        raise OldFileRefused(f"la carte est refusée ({place}) : {message}") from error


def _item(row: Row, categories: Mapping[str, str], mapping: OldMapping) -> tuple[str, ItemEntry]:
    named = values.words(row["category"])
    category = categories.get(named, "") if categories else named
    if not category:
        raise RowRefused("le plat n'a pas de catégorie connue : donnez-lui-en une")
    usual_rate = mapping.default_rate_bp or DISH_RATE_BP
    try:
        active = row.get("active") in (None, "") or cells.yes_or_no(values.words(row["active"]))
        return category, ItemEntry(
            name=values.words(row["name"]),
            description=" ".join(values.words(row.get("description")).split()),
            price_cents=values.cents(row["price"], in_cents=mapping.prices_in_cents),
            active=active,
            vat_rate_bp=values.rate_bp(row.get("vat_rate"), default=usual_rate),
        )
    except ValidationError as error:
        path, message = next(faults_of(error))
        raise RowRefused(f"{path[0] if path else 'plat'} : {message}") from error
    except ValueError as error:
        raise RowRefused(str(error)) from error
