"""French sentences about a menu, as a typographer sets them."""

import re
from typing import Final

_BEFORE: Final = re.compile(r" (?=[:;!?»€%])")
_AFTER: Final = re.compile(r"(?<=«) ")


def typeset(sentence: str) -> str:
    """Spaces that belong to a sign become no-break ones: before ":", inside « »."""
    return _AFTER.sub("\N{NO-BREAK SPACE}", _BEFORE.sub("\N{NO-BREAK SPACE}", sentence))
