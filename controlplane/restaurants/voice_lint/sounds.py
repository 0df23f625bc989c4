"""What a French ear hears of a written name, and how far two names are from each other. Pure.

`sounds_of` is a phonetic key: letters become phonemes by the longest of `_SPELLINGS` that fits,
after the usual rules of French spelling (Catach, L'orthographe française) and the Italian ones that
menus need. Silent endings and doubled sounds go; "é" and "è", "in" and "un" are one sound. One
character of the key is one sound, written in X-SAMPA where that has a single character: 5 is "in",
@ "an", 9 "on", 2 "eu", W "oi", S "ch", Z "j", J "gn".
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import Levenshtein

_UNITS: Final = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize "
    "dix-sept dix-huit dix-neuf vingt"
).split()
"""Menus number their set menus; greater numbers differ enough as they are written."""

_NASAL_ENDS: Final = r"(?![aeiouyàâéèêëîïôûhnm])"
"""A vowel and an n are one nasal sound unless a vowel or another n follows: "bon", not "bonne"."""
_SPELLINGS: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"(?:e?aux?|ô|au)", "o"),
        (r"(?:eoi|oi|oî|oy)", "W"),
        (r"(?:ou|où|oû|oo)", "u"),
        (r"(?:œu|oeu|œ|eu)", "2"),
        (rf"(?<=i)en{_NASAL_ENDS}", "5"),
        (rf"(?:ain|aim|ein|eim|in|im|yn|ym|un|um){_NASAL_ENDS}", "5"),
        (rf"(?:aa?n|am|en|em){_NASAL_ENDS}", "@"),
        (rf"(?:on|om){_NASAL_ENDS}", "9"),
        (r"(?:ille|ill(?=[aeiouéè]))", "ij"),
        (r"(?:eille?|aille?)$", "Ej"),
        (r"(?:ai|aî|ei|ay|é|è|ê|ë)", "E"),
        (r"(?:er|ez|ets?)$", "E"),
        (r"e(?=([bcdfgklmnprstz])\1|[rlsc][bcdfgklmnpqrstv])", "E"),
        (r"(?:tch|sch|sh|ch(?![rlt]))", "S"),
        (r"(?:cch|ch|ck|cqu?|qu?|k)", "k"),
        (r"(?:gn|ni(?=[aeouéè]))", "J"),
        (r"(?:gh|gu(?=[eiyéè]))", "g"),
        (r"(?:j|g(?:e(?=[aou])|(?=[eiyéè])))", "Z"),
        (r"ph", "f"),
        (r"w", "v"),
        (r"(?:ç|c(?=[eiyéè])|sc(?=[eiyéè])|ss|t(?=ion))", "s"),
        (r"c", "k"),
        (r"(?<=[aeiouyéèêàôûî])s(?=[aeiouyéèêàôûî])", "z"),
        (r"(?:zz|z)", "z"),
        (r"x(?=.)", "ks"),
        (r"h", ""),
        (r"[aàâä]", "a"),
        (r"[iîïy]", "i"),
        (r"[uûùü]", "y"),
        (r"o", "o"),
        (r"(?:es?|ent)$", ""),
        (r"e", "2"),
        (r"(?:[sdtpxz]{1,2})$", ""),
        (r"([bcdfglmnprst])\1", r"\1"),
        (r"[a-z]", r"\g<0>"),
    )
)
_SIMILAR: Final = str.maketrans("bdgvzZlnJE2", "ptkfsSrmmee")
"""A telephone line carries 300 to 3400 Hz: what differs by voice or nasal place alone blurs."""
_SILENT_ALONE: Final = frozenset("a à au aux avec d de des du en et l la le les un une".split())


@lru_cache(maxsize=16_384)
def sounds_of(text: str) -> tuple[str, ...]:
    """One key for each word that is heard: "Pâtes fraîches" → ("pat", "frES")."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text.casefold()))
    heard = [_spoken_digits(word) for word in words if word not in _SILENT_ALONE]
    return tuple(filter(None, map(_sound, heard)))


def distance(one: Sequence[str], other: Sequence[str]) -> float:
    """From 0 (heard as the same) to 1 (nothing alike), of the words the two do not share.

    Two sounds of one kind, such as b and p, are half as far apart as other two. A name that only
    says more, "Saumon fumé" beside "Saumon", is told apart by the words it adds: 1.
    """
    own = "".join(word for word in one if word not in other)
    others = "".join(word for word in other if word not in one)
    if not own and not others:
        return 0.0
    if not own or not others:
        return 1.0
    edits = Levenshtein.distance(own, others) + Levenshtein.distance(
        _blurred(own), _blurred(others)
    )
    return edits / 2 / max(len(own), len(others))


def _blurred(sounds: str) -> str:
    return sounds.translate(_SIMILAR)


def _spoken_digits(word: str) -> str:
    return _UNITS[int(word)] if word.isdecimal() and int(word) < len(_UNITS) else word


def _sound(word: str) -> str:
    """A final "e" or consonant is silent unless the word would have no vowel left: "thé", "nem"."""
    found, at = [], 0
    while at < len(word):
        for pattern, sound in _SPELLINGS:
            match = pattern.match(word, at)
            if match and match.end() > at:
                found.append(match.expand(sound))
                at = match.end()
                break
        else:
            found.append(word[at])
            at += 1
    return re.sub(r"(.)\1", r"\1", "".join(found))
