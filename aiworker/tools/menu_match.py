"""From what a caller (or the model) calls a dish to the dish. Pure.

Exact on names and aliases once accents, case, articles and plurals are set aside; never a guess: a
near miss comes back as suggestions, to be asked about.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

SUGGESTIONS = 3
_CLOSE = 0.6
_ARTICLES = frozenset("le la les l un une des du de d au aux a avec et en s il vous plait".split())
_GENERIC = frozenset({"pizza", "pizzas"})
"""Said with every dish of the house: "une pizza margherita"."""
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "’": " ", "'": " "})


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


def words_of(text: str) -> tuple[str, ...]:
    """Lower case, no accents, no articles, singular."""
    flat = unicodedata.normalize("NFKD", text.casefold().translate(_LIGATURES))
    plain = "".join(char for char in flat if not unicodedata.combining(char))
    words = re.findall(r"[a-z0-9]+", plain)
    words = [word for word in words if word not in _ARTICLES] or words
    kept = [word for word in words if word not in _GENERIC] or words
    return tuple(_singular(word) for word in kept)


def match(text: str, candidates: Sequence[_N]) -> Match[_N]:
    """The one candidate meant; else those that come near, best first."""
    wanted = words_of(text)
    if not wanted:
        return Match(None)
    spelt = [(candidate, names_of(candidate)) for candidate in candidates]
    exact = [candidate for candidate, names in spelt if wanted in names]
    if len(exact) == 1:
        return Match(exact[0])
    if exact:
        return Match(None, tuple(exact[:SUGGESTIONS]))
    part = [c for c, names in spelt if any(set(wanted) <= set(name) for name in names)]
    if len(part) == 1:
        return Match(part[0])
    near = part or _near(wanted, spelt)
    return Match(None, tuple(near[:SUGGESTIONS]))


def names_of(candidate: Named) -> set[tuple[str, ...]]:
    """Every way the menu names it."""
    return {words_of(name) for name in (candidate.name, candidate.spoken_name, *candidate.aliases)}


def _near(wanted: tuple[str, ...], spelt: Iterable[tuple[_N, set[tuple[str, ...]]]]) -> list[_N]:
    text = " ".join(wanted)
    scored = [
        (max(difflib.SequenceMatcher(None, text, " ".join(name)).ratio() for name in names), at, c)
        for at, (c, names) in enumerate(spelt)
    ]
    return [c for score, _, c in sorted(scored, key=lambda s: (-s[0], s[1])) if score >= _CLOSE]


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word[-1] in "sx" else word
