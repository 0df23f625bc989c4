"""Every dish of a menu, and every option of a dish, by a name that is no other's. Pure.

Menus have a Margherita among the pizzas and another among the set menus: on the telephone, in the
cart and in the kitchen they are "Margherita (Pizzas)" and "Margherita (Menus)". What callers say,
the name as it was, stays an alias, which asks which one is meant.
"""

import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final, TypeVar
from uuid import UUID

from controlplane.contracts.restaurant_config import MenuItem, Option, OptionGroup
from controlplane.restaurants.menu_words import Words, words_of

_LONGEST_QUALIFIER: Final = 60
"""It is said aloud, and a name with it is shorter than what a tool takes."""

_N = TypeVar("_N", MenuItem, Option)
Qualifiers = tuple[str, ...]
"""What tells one thing from another of its name, best first; "" says nothing."""


def with_distinct_names(menu: Iterable[MenuItem]) -> tuple[MenuItem, ...]:
    """The menu with each name once. What is the same in all that a caller could tell is one thing,
    with the first's id: sold out when every one of them is.
    """
    shared: dict[tuple[UUID, ...], tuple[OptionGroup, ...]] = {}  # most dishes have the same ones
    items = []
    for item in _without_twins(menu):
        key = tuple(group.id for group in item.option_groups)
        if key not in shared:
            shared[key] = _distinct_options(item.option_groups)
        if item.option_groups != shared[key]:
            item = item.model_copy(update={"option_groups": shared[key]})
        items.append(item)
    return tuple(_renamed(items, _qualifiers_of_item))


def _distinct_options(given: Sequence[OptionGroup]) -> tuple[OptionGroup, ...]:
    """The groups, each the very one that was given where none of its options changes."""
    groups = [
        group.model_copy(update={"options": tuple(_without_twins(group.options))})
        for group in given
    ]
    group_of = {option.id: group.name for group in groups for option in group.options}
    options = [option for group in groups for option in group.options]
    renamed = iter(
        _renamed(options, lambda option: (group_of[option.id], _price(option.price_delta_cents)))
    )
    distinct = [
        group.model_copy(update={"options": tuple(next(renamed) for _ in group.options)})
        for group in groups
    ]
    return tuple(new if new != old else old for new, old in zip(distinct, given, strict=True))


def _without_twins(things: Iterable[_N]) -> list[_N]:
    """Same in everything but id, aliases and being sold out. The id kept does not change when one
    of them is sold out: a cart may hold it.
    """
    things = list(things)
    called = Counter(thing.name for thing in things)
    found: dict[tuple[str, str], _N] = {}
    for thing in things:
        once = called[thing.name] == 1  # nearly all: what else is told of them needs no comparing
        rest = "" if once else thing.model_dump_json(exclude={"id", "aliases", "sold_out"})
        told = (thing.name, rest)
        first = found.setdefault(told, thing)
        if first.sold_out and not thing.sold_out:
            found[told] = first.model_copy(update={"sold_out": False})
    return list(found.values())


def _renamed(things: Sequence[_N], qualifiers: Callable[[_N], Qualifiers]) -> list[_N]:
    called = _by_words(things, lambda thing: thing.name)
    names = {thing.id: thing.name for thing in things}
    taken = set(called)
    for same in called.values():
        if len(same) > 1:
            labels = _labels(same, [qualifiers(thing) for thing in same], taken)
            names |= dict(zip((thing.id for thing in same), labels, strict=True))
            taken |= {_words(label) for label in labels}
    return _with_spoken([_called(thing, names[thing.id]) for thing in things])


def _called(thing: _N, name: str) -> _N:
    """It is spoken of by its new name too; the old one is another word for it."""
    if name == thing.name:
        return thing
    spoken = f"{thing.spoken_name or thing.name}{name.removeprefix(thing.name)}"
    aliases = (*thing.aliases, thing.name, *filter(None, [thing.spoken_name]))
    return thing.model_copy(update={"name": name, "spoken_name": spoken, "aliases": aliases})


def _with_spoken(things: Sequence[_N]) -> list[_N]:
    """A spoken name that could be another's is given up for the name."""
    means: dict[Words, set[UUID]] = defaultdict(set)
    for thing in things:
        for text in (thing.name, thing.spoken_name):
            means[_words(text)].add(thing.id)
    return [
        thing
        if means[_words(thing.spoken_name)] == {thing.id}
        else thing.model_copy(update={"spoken_name": thing.name})
        for thing in things
    ]


def _labels(same: Sequence[_N], qualifiers: list[Qualifiers], taken: set[Words]) -> list[str]:
    """The shortest way to tell them apart: one qualifier, all of them, else numbers."""
    ways = [*zip(*qualifiers, strict=True), [", ".join(filter(None, some)) for some in qualifiers]]
    for way in ways:
        labels = [f"{thing.name} ({some})" for thing, some in zip(same, way, strict=True)]
        if all(way) and _are_new(labels, taken):
            return labels
    return next(
        labels
        for first in count(1)
        if _are_new(
            labels := [f"{thing.name} n° {at}" for at, thing in enumerate(same, start=first)], taken
        )
    )


def _are_new(labels: list[str], taken: set[Words]) -> bool:
    words = {_words(label) for label in labels}
    return len(words) == len(labels) and not words & taken


def _by_words(things: Sequence[_N], text: Callable[[_N], str]) -> dict[Words, list[_N]]:
    found: dict[Words, list[_N]] = defaultdict(list)
    for thing in things:
        found[_words(text(thing))].append(thing)
    return found


def _words(text: str) -> Words:
    return words_of(text, accents=True)


def _qualifiers_of_item(item: MenuItem) -> Qualifiers:
    described = textwrap.shorten(item.description, _LONGEST_QUALIFIER, placeholder="…")
    category = textwrap.shorten(item.category, _LONGEST_QUALIFIER, placeholder="…")
    return category, _price(item.price_cents), described


def _price(cents: int) -> str:
    """As a voice says it: "9 euros 50"."""
    euros, rest = divmod(abs(cents), 100)
    sign = "moins " if cents < 0 else ""
    return f"{sign}{euros} euro{'s' if euros > 1 else ''}{f' {rest:02d}' if rest else ''}"
