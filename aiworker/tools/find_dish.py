"""Dishes and options by the words used for them; what isn't on the menu becomes a `ToolError`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from aiworker.tools.menu_match import Match, Named, match
from aiworker.tools.tool import ToolError
from controlplane.contracts.restaurant_config import MenuItem, Option, RestaurantConfig
from controlplane.restaurants.cart import LONGEST_NOTE
from controlplane.restaurants.menu_words import without, words_of

_SPOKEN: Final = 3
"""A caller keeps so many names in mind."""
_SEVERAL: Final = re.compile(
    r"\s*(?:une?\s+)?(?:(2|deux|double)|3|trois|triple)(?:\s*[x×]|\s+fois)?\s+(.+)", re.IGNORECASE
)
_WITHOUT: Final = re.compile(r"\s*(?:sans|pas)\s+(?:(?:de|du|des|la|le|les)\s+|d['’])?", re.I)
_NOTHING_TO_LEAVE_OUT: Final = frozenset(words_of("gluten lactose allergène alcool"))
"""No cook leaves these out of a dish: to note it would be to promise it."""

_N = TypeVar("_N", bound=Named)


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a dish is wanted. Two supplements are twice the same option."""

    options: tuple[Option, ...]
    note: str | None = None
    """What is to be left out, in the caller's words: the menu has no option for it."""
    left_out: frozenset[UUID] = frozenset()
    """Options that go with the dish by default, and are not wanted."""


def find_dish(config: RestaurantConfig, name: str) -> MenuItem:
    """Raises `ToolError` with the dishes it may be, by names that differ."""
    result = match_dish(config, name)
    if result.found is not None:
        return result.found
    if result.called_so:
        raise _ambiguous("ambiguous_dish", result.suggestions)
    spoken = "Ce plat n'est pas à la carte."
    if result.suggestions:
        spoken = f"Je n'ai pas trouvé ce plat. Peut-être {_spoken(result.suggestions)} ?"
    raise ToolError("unknown_dish", spoken, suggestions=_names(result.suggestions))


def match_dish(config: RestaurantConfig, name: str) -> Match[MenuItem]:
    return match(name, config.menu, under=lambda item: item.category)


def find_options(item: MenuItem, names: Iterable[str]) -> Wishes:
    """Raises `ToolError` with the options the dish has."""
    options: list[Option] = []
    notes: list[str] = []
    left_out: set[UUID] = set()
    for name in names:
        found = _find_option(item, name)
        if found:
            options += found
        elif unwanted := _defaults_named(item, name):
            left_out |= unwanted
        else:
            notes.append(name)
    note = ", ".join(dict.fromkeys(notes))
    if len(note) > LONGEST_NOTE:
        raise ToolError("note_too_long", "C'est trop long à noter pour la cuisine.")
    return Wishes(tuple(options), note or None, frozenset(left_out))


def _find_option(item: MenuItem, name: str) -> list[Option]:
    """The option, twice for "double"; none for what is to be left out. Raises `ToolError`."""
    result, times = _match_option(item, name), 1
    if not result.called_so and (several := _SEVERAL.fullmatch(name)):
        one = _match_option(item, several[2])
        if one.called_so:
            result, times = one, 2 if several[1] else 3
    if result.found is not None:
        return [result.found] * times
    if result.called_so:
        raise _ambiguous("ambiguous_option", result.suggestions)
    if _leaves_out(name):
        return []
    raise ToolError(
        "unknown_option",
        f"Cette option n'existe pas pour {item.spoken_name or item.name}.",
        suggestions=_names(result.suggestions or _to_be_had(item)),
    )


def _defaults_named(item: MenuItem, name: str) -> set[UUID]:
    """What "sans oignon" leaves out, or "sans sauce" when the whole group is called so."""
    wanted = _WITHOUT.sub("", name)
    option = _match_option(item, wanted)
    if option.found is not None and option.called_so:
        return {option.found.id} if option.found.by_default else set()
    named = set(words_of(wanted))
    return {
        option.id
        for group in item.option_groups
        if named & set(words_of(group.name))
        for option in group.options
        if option.by_default
    }


def _match_option(item: MenuItem, name: str) -> Match[Option]:
    group_of = {option.id: group.name for group in item.option_groups for option in group.options}
    offered = [option for group in item.option_groups for option in group.options]
    return match(name, offered, under=lambda option: group_of[option.id])


def _to_be_had(item: MenuItem) -> list[Option]:
    return [o for group in item.option_groups for o in group.options if not o.sold_out]


def _leaves_out(name: str) -> bool:
    """ "sans oignon", but never "sans gluten"."""
    words = words_of(name)
    named = {word.removeprefix("sans ") for word in words}
    return without(words[0]) and not named & _NOTHING_TO_LEAVE_OUT


def _ambiguous(code: str, meant: tuple[_N, ...]) -> ToolError:
    return ToolError(
        code,
        f"Lequel voulez-vous : {_spoken(meant)} ?",
        suggestions=_names(meant),
        next="Demande lequel, puis refais l'appel avec ce nom exact.",
    )


def _names(things: Iterable[Named]) -> list[str]:
    return [thing.name for thing in things]


def _spoken(things: tuple[_N, ...]) -> str:
    names = [thing.spoken_name or thing.name for thing in things[:_SPOKEN]]
    others = ["un autre"] if len(things) > _SPOKEN else []
    return " ou ".join(names + others)
