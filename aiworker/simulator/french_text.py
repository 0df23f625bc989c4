"""French as a list of words that compare equal however they were written. Pure."""

import re
import unicodedata
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+|,")
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "Œ": "oe", "Æ": "ae"})


@dataclass(frozen=True)
class Word:
    """A word as written, and as compared: no case, accent or plural."""

    written: str
    plain: str


def words(text: str) -> list[Word]:
    """Return the words of a text, commas among them; apostrophes and hyphens part words."""
    return [Word(found, plain(found)) for found in _WORD.findall(text)]


def plain(word: str) -> str:
    """Return a word without case, accents and plural."""
    flat = unicodedata.normalize("NFKD", word.casefold().translate(_LIGATURES))
    bare = "".join(char for char in flat if not unicodedata.combining(char))
    return bare[:-1] if len(bare) > 3 and bare[-1] in "sx" else bare


def plain_text(text: str) -> str:
    """Return a text's plain words with one space around each, to look phrases up in."""
    return f" {' '.join(word.plain for word in words(text) if word.plain != ',')} "


def phrase(text: str) -> str:
    """Return a phrase as `plain_text` spells it."""
    return plain_text(text)
