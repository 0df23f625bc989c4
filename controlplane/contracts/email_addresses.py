"""E-mail addresses as tables keep them: one address of one person, and nothing that a mail's header
would read as two.
"""

import re
from typing import Final

_PART: Final = r"[^\s@,;:<>()\[\]\"\\]+"
_ADDRESS: Final = re.compile(rf"{_PART}@{_PART}\.[^\s@,;:<>()\[\]\"\\.]+")


def address_of(written: str) -> str | None:
    """The address that somebody wrote, in small letters; None when it is none."""
    address = written.strip().lower()
    return address if _ADDRESS.fullmatch(address) and address.isprintable() else None
