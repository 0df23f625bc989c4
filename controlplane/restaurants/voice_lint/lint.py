"""The voice lint of a menu: what will go wrong on the telephone, before a caller finds it. Pure.

Every finding names its fix in French, for the restaurateur who reads it.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from controlplane.restaurants.menu_document import GroupEntry, ItemEntry, MenuDocument
from controlplane.restaurants.menu_words import Words, words_of
from controlplane.restaurants.voice_lint.choices import group_findings, set_menu_findings
from controlplane.restaurants.voice_lint.findings import Finding, Rule, warning_of
from controlplane.restaurants.voice_lint.hours import hours_findings
from controlplane.restaurants.voice_lint.sayable import unsayable_parts, written_out
from controlplane.restaurants.voice_lint.sounds import distance, sounds_of

CONFUSABLE: Final = 0.25
"""Names of this distance or less are mistaken for each other: one sound of four, "Coca" and "Cola",
or two of one kind. "Orientale" and "Occidentale" are at 0.33."""

Placed = tuple[str, ItemEntry]
"""The name of its category, and the item."""


def lint_menu(menu: MenuDocument) -> tuple[Finding, ...]:
    """Every finding, errors first, each kind in the menu's order.

    Dishes that are not on sale are not looked at. A menu of 300 dishes takes about 0.2 s.
    """
    items = [(category, item) for category, item in menu.placed_items() if item.active]
    groups = {group.name: group for group in menu.option_groups}
    used = {name for _, item in items for name in item.option_groups}
    offered = [group for group in menu.option_groups if group.name in used]
    found = [
        *group_findings(offered),
        *_set_menus(menu, items, groups),
        *_prices(items, groups),
        *_allergens(items),
        *hours_findings(menu),
        *_homonyms(items),
        *_confusable(items),
        *_shared_names(items),
        *_unsayable(items, offered),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity))


def _set_menus(
    menu: MenuDocument, items: list[Placed], groups: dict[str, GroupEntry]
) -> Iterator[Finding]:
    dishes = menu.dishes()
    for category, item in items:
        if item.set_menu:
            yield from set_menu_findings(category, item, _of(item, groups), dishes)


def _prices(items: list[Placed], groups: dict[str, GroupEntry]) -> Iterator[Finding]:
    """A dish priced by a choice it demands, such as its size, may cost nothing itself."""
    for category, item in items:
        if item.price_cents or any(map(_always_costs, _of(item, groups))):
            continue
        yield warning_of(
            Rule.PRICE_ZERO,
            _place(category, item),
            f"« {item.name} » est à 0 € : l'IA l'offrira. Indiquez son prix, ou "
            "retirez-le de la vente.",
        )


def _of(item: ItemEntry, groups: dict[str, GroupEntry]) -> list[GroupEntry]:
    return [groups[name] for name in item.option_groups if name in groups]


def _always_costs(group: GroupEntry) -> bool:
    deltas = [option.price_delta_cents for option in group.options]
    return group.min > group.free and bool(deltas) and min(deltas) > 0


def _allergens(items: list[Placed]) -> Iterator[Finding]:
    """One finding for all: a menu that declares none would otherwise have hundreds."""
    unknown = [(category, item) for category, item in items if item.allergens is None]
    if unknown:
        category, item = unknown[0]
        yield warning_of(
            Rule.UNKNOWN_ALLERGENS,
            _place(category, item),
            f"Les allergènes de {len(unknown)} plat(s) sur {len(items)} sont inconnus, à commencer "
            f"par « {item.name} » : l'IA ne pourra rien répondre à qui les demande. Déclarez-les, "
            "« aucun » s'il n'y en a pas.",
        )


def _homonyms(items: list[Placed]) -> Iterator[Finding]:
    for same in _by_words(items).values():
        if len(same) < 2:
            continue
        places = ", ".join(dict.fromkeys(f"« {category} »" for category, _ in same))
        category, item = same[0]
        yield warning_of(
            Rule.HOMONYM,
            _place(category, item),
            f"« {item.name} » désigne {len(same)} plats ({places}) : l'IA devra demander "
            f"lequel à chaque appel. Donnez-leur des noms différents, comme « {item.name} "
            f"({category.lower()}) ».",
        )


def _confusable(items: list[Placed]) -> Iterator[Finding]:
    """Each pair of names that differ as written and hardly as heard."""
    heard = [
        (category, item, words_of(item.name, accents=True), sounds_of(item.said))
        for category, item in items
    ]
    for (category, one, words, sounds), (_, other, other_words, other_sounds) in combinations(
        heard, 2
    ):
        if words != other_words and distance(sounds, other_sounds) <= CONFUSABLE:
            yield warning_of(
                Rule.CONFUSABLE,
                _place(category, one),
                f"« {one.said} » et « {other.said} » se confondent au téléphone. Donnez à "
                "l'un des deux un nom parlé plus long, qui dise ce qu'il y a dedans.",
            )


def _shared_names(items: list[Placed]) -> Iterator[Finding]:
    """An alias of one dish that is another's name or alias is asked about at every call."""
    named = _by_words(items)
    by_alias: dict[Words, list[tuple[str, Placed]]] = defaultdict(list)
    for category, item in items:
        for alias in dict.fromkeys(item.aliases):
            by_alias[words_of(alias, accents=True)].append((alias, (category, item)))
    for words, uses in by_alias.items():
        alias, (category, item) = uses[0]
        owners = [*named.get(words, []), *(placed for _, placed in uses)]
        others = [other for _, other in owners if other is not item]
        if others:
            yield warning_of(
                Rule.SHARED_NAME,
                _place(category, item),
                f"« {alias} » se dit de « {item.name} » et de « {others[0].name} » : l'IA "
                "devra demander lequel. Retirez-le des autres noms de l'un des deux.",
            )


def _unsayable(items: list[Placed], groups: list[GroupEntry]) -> Iterator[Finding]:
    said = [(_place(category, item), item.said) for category, item in items]
    said += [
        (f"{group.name} › {option.name}", option.spoken_name or option.name)
        for group in groups
        for option in group.options
    ]
    for place, text in said:
        parts = unsayable_parts(text)
        if parts:
            full = written_out(text)
            wanted = f"par exemple « {full} »" if full else "comme vous le diriez à un client"
            yield warning_of(
                Rule.UNSAYABLE,
                place,
                f"« {text} » ne se lit pas à voix haute ({' '.join(parts)}). Écrivez son "
                f"nom parlé en toutes lettres, {wanted}.",
            )


def _by_words(items: list[Placed]) -> dict[Words, list[Placed]]:
    found: dict[Words, list[Placed]] = defaultdict(list)
    for category, item in items:
        found[words_of(item.name, accents=True)].append((category, item))
    return found


def _place(category: str, item: ItemEntry) -> str:
    return f"{category} › {item.name}"
