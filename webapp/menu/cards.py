"""The menu as a page lists it: categories, their dishes, and what is to be said of each."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote
from uuid import UUID

from controlplane.restaurants.menu_changes import Change, ChangeKind
from controlplane.restaurants.menu_document import ItemEntry, MenuDocument, WindowEntry
from controlplane.restaurants.menu_edits import WorkingMenu
from controlplane.restaurants.menu_rows import DishIds
from controlplane.restaurants.voice_lint.findings import Finding, Rule
from controlplane.restaurants.voice_lint.lint import lint_menu
from webapp.menu.queries import Stock

LINTED_MENUS: Final = 64
"""Menus whose findings are remembered: of 300 dishes the lint takes 0.2 s, a look-up 2 ms."""


@dataclass(frozen=True, slots=True)
class DishCard:
    """One dish of the list. `stock` is None until it is published."""

    id: UUID
    entry: ItemEntry
    stock: Stock | None
    change: ChangeKind | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class CategoryCard:
    """A category with its dishes; `anchor` is its place in the page's address."""

    anchor: str
    name: str
    available: tuple[WindowEntry, ...]
    dishes: tuple[DishCard, ...]

    @property
    def size(self) -> int:
        return len(self.dishes)


async def findings_of(document: MenuDocument) -> tuple[Finding, ...]:
    """What goes wrong on the telephone, found in a thread: other pages are answered meanwhile."""
    return await asyncio.to_thread(_lint, document)


@lru_cache(maxsize=LINTED_MENUS)
def _lint(document: MenuDocument) -> tuple[Finding, ...]:
    return lint_menu(document)


def links_of(document: MenuDocument, dish_ids: DishIds) -> dict[str, str]:
    """Where each place that a finding names is edited, after the restaurant's own address."""
    links = {}
    for group in document.option_groups:
        path = f"/menu/options?name={quote(group.name, safe='')}"
        links[group.name] = path
        links |= {f"{group.name} › {option.name}": path for option in group.options}
    dishes = {" › ".join(place): f"/menu/items/{id}" for id, place in dish_ids.items()}
    return links | dishes


def category_cards(
    menu: WorkingMenu,
    stock: Mapping[UUID, Stock],
    changes: Sequence[Change],
    findings: Sequence[Finding],
) -> list[CategoryCard]:
    """Everything in the menu's order."""
    ids = {place: dish_id for dish_id, place in menu.dish_ids.items()}
    kinds = {(change.owner, change.name): change.kind for change in changes}
    found = defaultdict(list)
    for finding in findings:
        if finding.rule is not Rule.UNKNOWN_ALLERGENS:  # each dish says so itself
            found[finding.place].append(finding)

    def cards(category: str, items: Sequence[ItemEntry]) -> Iterator[DishCard]:
        for item in items:
            place = category, item.name
            dish_id = ids[place]
            said = tuple(found[" › ".join(place)])
            yield DishCard(dish_id, item, stock.get(dish_id), kinds.get(place), said)

    return [
        CategoryCard(f"c-{at}", each.name, each.available, tuple(cards(each.name, each.items)))
        for at, each in enumerate(menu.document.categories, start=1)
    ]
