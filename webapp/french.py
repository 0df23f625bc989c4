"""Spells prices, times and telephone numbers as France writes them.

No-break spaces are written as escapes: in an editor they look like any other.
"""

import re
from datetime import date, datetime
from typing import Final

NO_BREAK: Final = "\u00a0"
NARROW_NO_BREAK: Final = "\u202f"
_MAINLAND = re.compile(r"\+33[1-9][0-9]{8}")
_QUANTITY = re.compile(r"(?<=\d) (?=(?:cl|l|g|kg|cm)\b)")


def price(cents: int) -> str:
    """Spell 950 as "9,50 €"; a narrow no-break space sets thousands apart."""
    euros, rest = divmod(abs(cents), 100)
    sign = "\u2212" if cents < 0 else ""
    return f"{sign}{euros:,}".replace(",", NARROW_NO_BREAK) + f",{rest:02d}{NO_BREAK}€"


def rate(basis_points: int) -> str:
    """Spell 550 as "5,5 %"."""
    percent = f"{basis_points / 100:g}".replace(".", ",")
    return f"{percent}{NO_BREAK}%"


def clock(at: datetime) -> str:
    """Spell 19:05 as "19 h 05"."""
    return f"{at.hour}{NO_BREAK}h{NO_BREAK}{at.minute:02d}"


def moment(at: datetime, *, today: date) -> str:
    """Spell 19:05 today as "19 h 05", and on another day as "le 3/11 à 19 h 05"."""
    if at.date() == today:
        return clock(at)
    return f"le{NO_BREAK}{at.day}/{at.month:02d} à{NO_BREAK}{clock(at)}"


def seconds(duration_ms: int) -> str:
    """Spell 12.4 s as "12 s"."""
    return f"{max(1, round(duration_ms / 1_000))}{NO_BREAK}s"


def telephone(phone_e164: str) -> str:
    """Spell "+33199001234" as "01 99 00 12 34"; foreign and overseas numbers stay international."""
    if not _MAINLAND.fullmatch(phone_e164):
        return phone_e164
    national = f"0{phone_e164[3:]}"
    return NO_BREAK.join(national[start : start + 2] for start in range(0, 10, 2))


def last_digits(phone_e164: str | None) -> str:
    """Spell what a list may show of a customer's number: "•• 34"; nothing of a hidden one."""
    return f"••{NO_BREAK}{phone_e164[-2:]}" if phone_e164 else ""


def unbroken(name: str) -> str:
    """Keep a number on the line of its unit, as in "Coca-Cola 33 cl"."""
    return _QUANTITY.sub(NO_BREAK, name)
