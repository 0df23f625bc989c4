"""SMS texts in GSM 7-bit (3GPP TS 23.038 §6.2.1): 160 characters a part instead of 70."""

import unicodedata
from typing import Final

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED: Final = frozenset("^{}\\[~]|€")
"""Each takes two septets: an escape and itself."""
ONE_PART: Final = 160
EACH_OF_MANY: Final = 153
"""A message of several parts spends seven septets of each on saying which it is."""

_SPELT: Final = {
    "œ": "oe",
    "Œ": "OE",
    "\u2019": "'",
    "\u2018": "'",
    "\u201c": '"',
    "\u201d": '"',
    "«": '"',
    "»": '"',
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\u2026": "...",
    "×": "x",
}


def to_gsm7(text: str) -> str:
    """Spell the text with GSM-7's characters alone: accents it lacks go (ê is e, ç is c), spaces of
    any width are plain, and what has no likeness is left out.
    """
    return "".join(_spelt(character) for character in unicodedata.normalize("NFC", text))


def septets(text: str) -> int:
    """How long a GSM-7 text is."""
    return sum(2 if character in EXTENDED else 1 for character in text)


def parts(text: str) -> int:
    """How many SMS it is paid as."""
    length = septets(text)
    return 1 if length <= ONE_PART else -(-length // EACH_OF_MANY)


def _spelt(character: str) -> str:
    if character in BASIC or character in EXTENDED:
        return character
    if character in _SPELT:
        return _SPELT[character]
    if character.isspace():
        return " "
    bare = unicodedata.normalize("NFKD", character)
    return "".join(each for each in bare if each in BASIC or each in EXTENDED)
