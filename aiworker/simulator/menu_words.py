"""The menu as the session's instructions give it, and the dishes found in a caller's words. Pure.

Instructions end with a section `# Carte` of lines `- Category : dish, dish`. Only names are read:
prices belong to the tools.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiworker.simulator.french_numbers import read_number
from aiworker.simulator.french_text import Word, words

_SECTION = re.compile(r"^#+\s*(Carte|Menu)\b.*?$(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"^-\s*(?P<category>[^:\n]+?)\s*:\s*(?P<dishes>.+?)\.?\s*$", re.MULTILINE)
_SPELLING: Final = 0.82
"""How alike two words must be for one to be a misspelling of the other."""
_LEAST_LETTERS: Final = 4
"""Shorter words are compared exactly."""
_EMPTY_WORDS: Final = frozenset("le la l les de du d des au aux a et en un une all".split())


@dataclass(frozen=True)
class Dish:
    """A dish by its name on the menu."""

    name: str
    category: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class Mention:
    """Words `start` .. `end` - 1 name a dish: one of the menu, or what the caller calls it."""

    name: str
    start: int
    end: int
    known: bool = True


class Menu:
    """Dish and category names."""

    def __init__(self, dishes: Sequence[Dish]) -> None:
        self.dishes = tuple(dishes)
        self.categories = tuple(dict.fromkeys(dish.category for dish in dishes))
        self._common = {w.plain for category in self.categories for w in words(category)}

    @classmethod
    def from_instructions(cls, instructions: str) -> "Menu":
        """Read the section `# Carte`; without one the menu is empty."""
        section = _SECTION.search(instructions)
        lines = _LINE.finditer(section[2]) if section else ()
        return cls(
            [
                Dish(name.strip(), line["category"], tuple(w.plain for w in words(name)))
                for line in lines
                for name in line["dishes"].split(", ")
            ]
        )

    def mentions(self, said: Sequence[Word]) -> list[Mention]:
        """Return the dishes named, left to right, longest name first, never overlapping."""
        found: list[Mention] = []
        at = 0
        while at < len(said):
            mention = self._longest_at(said, at)
            if mention:
                found.append(mention)
            at = mention.end if mention else at + 1
        return found

    def category(self, said: Sequence[Word]) -> str | None:
        """Return the category named ("pizzas", "desserts"), if any."""
        spoken = {word.plain for word in said}
        for category in self.categories:
            if {word.plain for word in words(category)} & spoken - _EMPTY_WORDS:
                return category
        return None

    def _longest_at(self, said: Sequence[Word], at: int) -> Mention | None:
        whole = [
            Mention(dish.name, at, at + len(dish.key))
            for dish in self.dishes
            if len(said) - at >= len(dish.key)
            and all(_same(w.plain, key) for w, key in zip(said[at:], dish.key, strict=False))
        ]
        return max(whole, key=lambda mention: mention.end) if whole else self._part_at(said, at)

    def _part_at(self, said: Sequence[Word], at: int) -> Mention | None:
        """Find some words of a name: of one dish, it is meant; of several, the tool must say."""
        first = said[at].plain
        if len(first) < _LEAST_LETTERS or first in self._common or read_number([first]):
            return None
        meant, end = list(self.dishes), at
        while end < len(said):
            narrower = [d for d in meant if any(_same(said[end].plain, key) for key in d.key)]
            if not narrower:
                break
            meant, end = narrower, end + 1
        if end == at:
            return None
        if len(meant) == 1:
            return Mention(meant[0].name, at, end)
        return Mention(" ".join(word.written for word in said[at:end]), at, end, known=False)


def _same(said: str, key: str) -> bool:
    if said == key:
        return True
    if min(len(said), len(key)) < _LEAST_LETTERS + 2:
        return False
    return difflib.SequenceMatcher(None, said, key).ratio() >= _SPELLING
