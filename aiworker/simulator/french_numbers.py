"""French numbers, as callers say how many. Pure."""

from collections.abc import Sequence
from typing import Final

from aiworker.simulator.french_text import plain

_SMALL: Final = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
)
_UNITS: Final = {plain(word): value for value, word in enumerate(_SMALL.split())} | {"une": 1}
_TENS: Final = {"vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50, "soixante": 60}
_DOZENS: Final = {"douzaine": 12, "dizaine": 10, "quinzaine": 15, "vingtaine": 20}


def read_number(words: Sequence[str]) -> tuple[int, int] | None:
    """Return (number, how many words) at the start of plain `words`, or None.

    >>> read_number(["vingt", "et", "un", "coca"])
    (21, 3)
    """
    if not words:
        return None
    first = words[0]
    if first.isdigit():
        return int(first), 1
    dozen = _dozen(words)
    if dozen:
        return dozen
    if first == "quatre" and words[1:2] == ["vingt"]:
        return _after_tens(words, 80, 2)
    if first in _TENS:
        return _after_tens(words, _TENS[first], 1)
    if first == "dix" and len(words) > 1 and words[1] in ("sept", "huit", "neuf"):
        return 10 + _UNITS[words[1]], 2
    if first in _UNITS:
        return _UNITS[first], 1
    return None


def _dozen(words: Sequence[str]) -> tuple[int, int] | None:
    if words[0] not in ("un", "une"):
        return None
    if len(words) > 2 and words[1] == "demi" and words[2] == "douzaine":
        return 6, 3
    if len(words) > 1 and words[1] in _DOZENS:
        return _DOZENS[words[1]], 2
    return None


def _after_tens(words: Sequence[str], tens: int, used: int) -> tuple[int, int]:
    """Read what follows "vingt": "et un", "deux", and "dix" to "dix-neuf" after 60 and 80."""
    rest = list(words[used:])
    joined = rest[:1] == ["et"]
    follow = rest[1:] if joined else rest
    if joined and follow[:1] not in (["un"], ["une"], ["onze"]):
        return tens, used
    below = read_number(follow) if follow and follow[0] not in _TENS else None
    limit = 19 if tens in (60, 80) else 9
    if below is None or not 1 <= below[0] <= limit or follow[0].isdigit():
        return tens, used
    return tens + below[0], used + joined + below[1]
