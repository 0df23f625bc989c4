"""From what a caller (or the model) calls a dish to the dish. Pure.

Exact on names and aliases once the ways of writing are set aside (`menu_words`); never a guess:
what could be several is asked about, and a near miss comes back as suggestions.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from controlplane.restaurants.menu_words import Words, is_number, without, words_of

MOST_ASKED: Final = 12
"""More dishes of one name than this are a menu that nobody could be asked about."""
SUGGESTIONS: Final = 3
_CLOSE: Final = 0.6
_GENERIC: Final = frozenset(words_of("pizza supplément option extra euro"))
"""Said with every dish or option of the house, and so of none: "une pizza margherita"."""


class Named(Protocol):
    """A dish or an option."""

    @property
    def name(self) -> str: ...
    @property
    def spoken_name(self) -> str: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...


_N = TypeVar("_N", bound=Named)


@dataclass(frozen=True)
class Match(Generic[_N]):
    """One dish, or the dishes it might be."""

    found: _N | None
    suggestions: tuple[_N, ...] = ()
    called_so: bool = False
    """What was found, or each of the suggestions, is called what was said."""


def match(text: str, candidates: Sequence[_N], under: Callable[[_N], str]) -> Match[_N]:
    """The one candidate meant; else those that it may be, or that come near, best first.

    `under` names the category of a dish, or the group of an option: "la margherita en menu".
    """
    if not text.strip():
        return Match(None)
    said, exactly = words_of(text), words_of(text, accents=True)
    ways: tuple[Callable[[_N], bool], ...] = (
        lambda one: words_of(one.name, accents=True) == exactly,
        lambda one: any(words_of(name, accents=True) == exactly for name in names_of(one)),
        lambda one: any(words_of(name) == said for name in names_of(one)),
        lambda one: any(sorted(words_of(name)) == sorted(said) for name in names_of(one)),
        lambda one: any(_adds(said, words_of(name), under(one)) for name in names_of(one)),
        lambda one: any(_specific(words_of(name)) == _specific(said) for name in names_of(one)),
    )
    for is_meant in ways:
        meant = [one for one in candidates if is_meant(one)]
        if len(meant) == 1:
            return Match(meant[0], called_so=True)
        if meant:
            return Match(None, tuple(meant[:MOST_ASKED]), called_so=True)
    return _resembling(said, candidates, under)


def names_of(candidate: Named) -> tuple[str, ...]:
    """Every way the menu names it."""
    return (candidate.name, candidate.spoken_name, *candidate.aliases)


def _resembling(said: Words, candidates: Sequence[_N], under: Callable[[_N], str]) -> Match[_N]:
    """The one whose name has these words; never because they name its category."""
    of_category = [one for one in candidates if set(said) <= set(words_of(under(one)))]
    part = [one for one in candidates if _is_part(said, one)]
    if len(part) == 1 and not of_category:
        return Match(part[0])
    return Match(None, tuple((of_category or part)[:MOST_ASKED] or _near(said, candidates)))


def _adds(said: Words, name: Words, category: str) -> bool:
    """What was said is the name with words of its category. "sans alcool" has to be in the name:
    the category may be "avec ou sans alcool".
    """
    rest = set(said) - set(name)
    return (
        bool(rest)
        and set(name) <= set(said)
        and rest <= {word for word in words_of(category) if not without(word)}
    )


def _specific(words: Words) -> Words:
    return tuple(word for word in words if word not in _GENERIC) or words


def _is_part(said: Words, candidate: Named) -> bool:
    """A number alone is no part of a name: "le douze" is not "12 nems"."""
    wanted = set(_specific(said))
    return not all(map(is_number, wanted)) and any(
        wanted <= set(words_of(name)) for name in names_of(candidate)
    )


def _near(said: Words, candidates: Sequence[_N]) -> list[_N]:
    """The names that resemble it; those it would be, were it not for a "sans oignon"."""
    wanted = " ".join(word for word in said if not without(word))
    spelt = {
        " ".join(words_of(name)): one for one in reversed(candidates) for name in names_of(one)
    }
    close = difflib.get_close_matches(wanted, spelt, n=2 * SUGGESTIONS, cutoff=_CLOSE)
    return list({id(spelt[name]): spelt[name] for name in close}.values())[:SUGGESTIONS]
