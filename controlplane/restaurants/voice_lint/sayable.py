"""Whether a written name can be said as it is, and how its abbreviations are written out. Pure."""

import re
import unicodedata
from typing import Final

_WRITTEN_OUT: Final = {
    "av": "avec",
    "bt": "bouteille",
    "btl": "bouteille",
    "champ": "champignons",
    "chp": "champignons",
    "env": "environ",
    "fr": "frites",
    "from": "fromage",
    "gd": "grand",
    "gde": "grande",
    "jbn": "jambon",
    "morc": "morceaux",
    "pcs": "pièces",
    "pdt": "pommes de terre",
    "pers": "personnes",
    "pt": "petit",
    "pte": "petite",
    "qq": "quelques",
    "qte": "quantité",
    "sce": "sauce",
    "ss": "sans",
    "sup": "supplément",
    "supp": "supplément",
    "tom": "tomate",
    "veg": "végétarien",
    "vgt": "végétarien",
}
"""What French menus abbreviate. "mozza", "apéro" and "végé" are said as they are written."""
_WITHOUT_VOWEL: Final = frozenset(
    "bbq bd blt cl cm dj dl g gr kg km l ml mm n st tv xl xs xxl xxxl".split()
)
"""Units and sizes that a voice knows, and letters that people spell: "BBQ", "XL"."""
_SIGNS: Final = re.compile(r"[*#<>=|\\_~^{}\[\]@]|w/|c/|(?<![\d])/(?!\d)|(?<=\w)\+(?=\w)")
_SHORTENED: Final = re.compile(r"\b([^\W\d_]{1,6})\.(?=\s|$|[^\W\d_])")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_VOWELS: Final = frozenset("aeiouyœæ")


def unsayable_parts(text: str) -> tuple[str, ...]:
    """The words and signs nobody can say, as they are written, each once."""
    shortened = [f"{word}." for word in _SHORTENED.findall(text)]
    consonants = [word for word in _LETTERS.findall(text) if _is_abbreviation(word)]
    signs = _SIGNS.findall(text)
    pictures = [char for char in text if unicodedata.category(char) in ("So", "Cn", "Co")]
    whole = [word for word in consonants if f"{word}." not in shortened]
    return tuple(dict.fromkeys([*shortened, *whole, *signs, *pictures]))


def written_out(text: str) -> str | None:
    """The name with its known abbreviations in full, None when none is known."""
    full = re.sub(r"\b([^\W\d_]{2,6})(\.|\b)", _in_full, text)
    return full if full != text else None


def _in_full(found: re.Match[str]) -> str:
    return _WRITTEN_OUT.get(_plain(found[1]), found[0])


def _is_abbreviation(word: str) -> bool:
    plain = _plain(word)
    if plain in _WITHOUT_VOWEL or len(plain) < 2:
        return False
    return plain in _WRITTEN_OUT or not _VOWELS & set(plain)


def _plain(word: str) -> str:
    flat = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in flat if not unicodedata.combining(char))
