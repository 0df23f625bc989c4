"""Text written by a model, a caller's telephone or a browser, made fit to be stored and sent on.

Pure. It is applied once, where such text enters a process: Postgres takes no NUL, neither in a
column nor in JSONB, and UTF-8 no lone surrogate.
"""

import re
import unicodedata
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

_WRITTEN: Final = "àâäáãåæçèéêëìíîïñòóôöõøùúûüÿßœÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØÙÚÛÜŸŒ«»°’€\xa0"
"""What menus and names are written with, beyond ASCII: a code of another character is no accent
that was lost, but chance."""

_SPELT: Final = {f"\0{ord(char):04x}": char for char in _WRITTEN} | {
    f"{chr(ord(char) >> 8)}{ord(char) & 0xFF:02x}": char for char in _WRITTEN if ord(char) < 0x200
}
"""A model that escapes `ù` with zeros too many, `\\u0000f9`, has written a NUL and "f9"; of `œ`,
`\\u000153`, a U+0001 and "53" (github.com/aegra/aegra/issues/370)."""

_LOST_ACCENT: Final = re.compile("|".join(sorted(_SPELT, reverse=True, key=len)), re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\u([0-9a-f]{4})", re.IGNORECASE)
"""An escape that was escaped once more: a backslash, a u, four digits."""
_KEPT: Final = "\t\n"
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs"})
"""Controls, marks without width or of direction, surrogates (Unicode's general categories)."""


def clean_text(text: str) -> str:
    """Repair accents that a model spelt in hexadecimal, and drop what no page or voice can show."""
    if text.isprintable() and "\\" not in text:
        return unicodedata.normalize("NFC", text)
    text = _ESCAPED.sub(_unescaped, text)
    text = _LOST_ACCENT.sub(lambda spelt: _SPELT[spelt[0].lower()], text)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "ignore")  # pairs are joined
    kept = (char for char in text if char in _KEPT or unicodedata.category(char) not in _DROPPED)
    return unicodedata.normalize("NFC", "".join(kept))


def clean_json(value: Any) -> Any:
    """Clean every text in what `json.loads` returned, the keys too."""
    match value:
        case str():
            return clean_text(value)
        case list():
            return [clean_json(one) for one in value]
        case dict():
            return {clean_text(key): clean_json(one) for key, one in value.items()}
        case _:
            return value


def _unescaped(escape: re.Match[str]) -> str:
    char = chr(int(escape[1], 16))
    return char if not char.isprintable() or not char.isascii() else escape[0]


def _cleaned(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


CleanText = Annotated[str, BeforeValidator(_cleaned)]
"""A field of a message that holds such text. It is cleaned before pydantic sees it, which takes no
lone surrogate."""
