"""What is left of a dish's name once the ways of writing and saying it are set aside. Pure.

"4 FROMAGES" and "quatre fromages", "Coca 1,5L" and "un coca d'un litre cinq", "Ste-Maxime" and
"Sainte Maxime" come to the same words.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

Words = tuple[str, ...]

_ARTICLES: Final = frozenset(
    "le la les l un une des du de d au aux a avec et en s il vous plait".split()
)
_LIGATURES: Final = str.maketrans({"œ": "oe", "æ": "ae", "’": "'", "⁄": "/"})
_ELISION: Final = re.compile(r"\b(?:l|d|s|j|n|qu)'(?=\w)")
_TOKEN: Final = re.compile(r"\d+(?:[.,/]\d+)*|[^\W\d_]+|€")
_SAME: Final = {
    "st": "saint",
    "ste": "sainte",
    "gd": "grand",
    "gde": "grande",
    "pt": "petit",
    "pte": "petite",
    "mozza": "mozzarella",
    "supp": "supplement",
    "pas": "sans",
    "1/2": "demi",
    "litres": "litre",
    "centilitre": "cl",
    "centilitres": "cl",
    "gr": "g",
    "gramme": "g",
    "grammes": "g",
    "kilo": "kg",
    "kilos": "kg",
    "personne": "pers",
    "personnes": "pers",
    "vingts": "vingt",
    "€": "euro",
}
"""What menus abbreviate. "pas d'oignon" is "sans oignon"."""

_REWRITTEN: Final = (
    (re.compile(r"(\d+)\.(?=\d)"), r"\1,"),
    (re.compile(r"\b(\d\S*) l\b"), r"\1 litre"),
    (re.compile(r"\bune? (?=litre\b)"), "1 "),
    (re.compile(r"\b(\d+) litre demie?\b"), r"\1,5 litre"),
    (re.compile(r"\b(\d+) litre (\d\d?)\b"), r"\1,\2 litre"),
    (re.compile(r",(\d*?)0+\b"), r",\1"),
    (re.compile(r",(?= |$)"), ""),
    (re.compile(r"\b(?:n|no|num|num[ée]ro) (?=\d)"), ""),
    (re.compile(r"(?<= )une?$"), "1"),
)
"""Litres and decimals are written one way, "n°" goes, and a last "un" is no article."""
_MEASURED: Final = re.compile(r"\d|litre| une?$")

_UNITS: Final = (
    "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
).split()
_TENS: Final = ("vingt", "trente", "quarante", "cinquante", "soixante")


def _spelt(number: int) -> Words:
    """15 → ("quinze",), 91 → ("quatre", "vingt", "onze"): the "et" of 21 is left out."""
    if number < 17:
        return (_UNITS[number],)
    if number < 20:
        return ("dix", _UNITS[number - 10])
    if number >= 80:
        return ("quatre", "vingt", *(_spelt(number - 80) if number > 80 else ()))
    ten = min(number // 10, 6)
    rest = number - 10 * ten
    return (_TENS[ten - 2], *(_spelt(rest) if rest else ()))


_NUMBERS: Final = {_spelt(number): str(number) for number in range(2, 100)}
_LONGEST_NUMBER: Final = max(map(len, _NUMBERS))
_FIRST_OF_NUMBERS: Final = frozenset(spelt[0] for spelt in _NUMBERS)


@lru_cache(maxsize=16_384)  # six menus of 300 dishes, whose names are compared at every look-up
def words_of(text: str, *, accents: bool = False) -> Words:
    """Lower case, singular, masculine, numbers in digits, without articles; never nothing.

    "sans" and what follows are one word. With `accents` "pâté" and "pâtes" are two things.
    """
    if accents and text.isascii():
        return words_of(text)
    flat = unicodedata.normalize("NFKC", text.casefold()).translate(_LIGATURES)
    tokens = [_SAME.get(_bare(token), token) for token in _TOKEN.findall(_ELISION.sub("", flat))]
    words = _without_articles(_rewritten(_with_digits(tokens)))
    return _with_sans(word if accents else _bare(word) for word in words) or (flat.strip(),)


def is_number(word: str) -> bool:
    return word[:1].isdigit()


def without(word: str) -> bool:
    """Whether it says what is not to be there: "sans oignon"."""
    return word.startswith("sans ")


def _bare(word: str) -> str:
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))


def _with_digits(tokens: list[str]) -> list[str]:
    """ "quatre-vingt-dix" becomes 90, the longest number first."""
    tokens = [token for token in tokens if token != "et"]
    found, at = [], 0
    while at < len(tokens):
        length = _LONGEST_NUMBER if tokens[at] in _FIRST_OF_NUMBERS else 0
        while length and tuple(tokens[at : at + length]) not in _NUMBERS:
            length -= 1
        found.append(_NUMBERS.get(tuple(tokens[at : at + length]), tokens[at]))
        at += length or 1
    return found


def _rewritten(tokens: list[str]) -> list[str]:
    line = " ".join(tokens)
    if _MEASURED.search(line):
        for pattern, rewritten in _REWRITTEN:
            line = pattern.sub(rewritten, line)
    return line.split()


def _without_articles(words: list[str]) -> list[str]:
    """A last letter is no article: "Menu A", "Taille L"."""
    return [
        word
        for at, word in enumerate(words)
        if _bare(word) not in _ARTICLES or (len(word) == 1 and at == len(words) - 1)
    ] or words


def _with_sans(words: Iterator[str]) -> Words:
    return tuple(
        f"sans {_stem(next(words, ''))}".rstrip() if word == "sans" else _stem(word)
        for word in words
    )


def _stem(word: str) -> str:
    """ "royales" → "royal", "italienne" → "italien": for the ear they are the same."""
    if len(word) <= 3 or word[0].isdigit():
        return word
    word = word.removesuffix("s").removesuffix("x")
    if len(word) > 3:
        word = word.removesuffix("e")
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
