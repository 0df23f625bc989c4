"""How France writes prices, times and telephone numbers.

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
    """950 → "9,50 €"; thousands apart by a narrow no-break space."""
    euros, rest = divmod(abs(cents), 100)
    sign = "\u2212" if cents < 0 else ""
    return f"{sign}{euros:,}".replace(",", NARROW_NO_BREAK) + f",{rest:02d}{NO_BREAK}€"


def clock(at: datetime) -> str:
    """19:05 → "19 h 05"."""
    return f"{at.hour}{NO_BREAK}h{NO_BREAK}{at.minute:02d}"


def moment(at: datetime, *, today: date) -> str:
    """19:05 today → "19 h 05"; on another day "le 3/11 à 19 h 05"."""
    if at.date() == today:
        return clock(at)
    return f"le{NO_BREAK}{at.day}/{at.month:02d} à{NO_BREAK}{clock(at)}"


def seconds(duration_ms: int) -> str:
    """12,4 s → "12 s"."""
    return f"{max(1, round(duration_ms / 1_000))}{NO_BREAK}s"


def telephone(phone_e164: str) -> str:
    """ "+33199001234" → "01 99 00 12 34"; foreign and overseas numbers stay international."""
    if not _MAINLAND.fullmatch(phone_e164):
        return phone_e164
    national = f"0{phone_e164[3:]}"
    return NO_BREAK.join(national[start : start + 2] for start in range(0, 10, 2))


def last_digits(phone_e164: str | None) -> str:
    """What a list may show of a customer's number: "•• 34"; nothing of a hidden one."""
    return f"••{NO_BREAK}{phone_e164[-2:]}" if phone_e164 else ""


def unbroken(name: str) -> str:
    """A number stays on the line of its unit: "Coca-Cola 33 cl"."""
    return _QUANTITY.sub(NO_BREAK, name)
