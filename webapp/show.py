"""Spells prices, times and telephone numbers, as France writes them or in English."""

import re
from datetime import date, datetime, time

from babel.dates import format_date

from webapp.typography import NARROW_NO_BREAK as NARROW_NO_BREAK
from webapp.typography import NO_BREAK as NO_BREAK
from webapp.words import _, language

_MAINLAND = re.compile(r"\+33[1-9][0-9]{8}")
_QUANTITY = re.compile(r"(?<=\d) (?=(?:cl|l|g|kg|cm)\b)")


def price(cents: int) -> str:
    """Spell 950 as "9,50 €", in English as "€9.50"; narrow no-break spaces part thousands."""
    euros, rest = divmod(abs(cents), 100)
    sign = "\u2212" if cents < 0 else ""
    if language() == "en":
        return f"{sign}€{euros:,}.{rest:02d}"
    return f"{sign}{euros:,}".replace(",", NARROW_NO_BREAK) + f",{rest:02d}{NO_BREAK}€"


def micros(amount: int) -> str:
    """Spell millionths of a euro to the tenth of a cent: "0,083 €", in English "€0.083"."""
    euros, thousandths = divmod((amount + 500) // 1_000, 1_000)
    if language() == "en":
        return f"€{euros:,}.{thousandths:03d}"
    return f"{euros:,}".replace(",", NARROW_NO_BREAK) + f",{thousandths:03d}{NO_BREAK}€"


def rate(basis_points: int) -> str:
    """Spell 550 as "5,5 %"."""
    percent = f"{basis_points / 100:g}".replace(".", ",")
    return f"{percent}{NO_BREAK}%"


def clock(at: datetime | time) -> str:
    """Spell 19:05 as "19 h 05", in English as "19:05"."""
    if language() == "en":
        return f"{at.hour:02d}:{at.minute:02d}"
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


def day(on: date, *, today: date | None = None) -> str:
    """Spell a date as "vendredi 27 novembre", with its year when it is not this one's."""
    pattern = "EEEE d MMMM" if today is None or on.year == today.year else "EEEE d MMMM y"
    said = format_date(on, pattern, locale=language())
    if on.day == 1 and language() == "fr":
        said = said.replace(" 1 ", " 1er ", 1)
    return said.replace(" ", NO_BREAK)


def weekday(on: date) -> str:
    """Spell the day of the week: "vendredi"."""
    return format_date(on, "EEEE", locale=language())


def short_day(on: date) -> str:
    """Spell a date as "ven. 27", as it stands under a chart."""
    return format_date(on, "EEE d", locale=language()).replace(" ", NO_BREAK)


def month_name(on: date) -> str:
    """Spell a month as "nov.", as it stands under a chart."""
    return format_date(on, "MMM", locale=language())


def capital(text: str) -> str:
    """Begin with a capital, as a title or a sentence does, and leave the rest alone."""
    return text[:1].upper() + text[1:]


def since(at: datetime, *, now: datetime) -> str:
    """Spell how long ago, as people say it: "il y a 12 min", "hier à 23 h 10", then the day."""
    minutes = int((now - at).total_seconds() // 60)
    here = at.astimezone(now.tzinfo)
    if minutes < 1:
        return _("à l’instant")
    if minutes < 60:
        return _("il y a %(minutes)s min", minutes=minutes)
    if here.date() == now.date():
        return _("à %(clock)s", clock=clock(here))
    if (now.date() - here.date()).days == 1:
        return _("hier à %(clock)s", clock=clock(here))
    return _("%(day)s à %(clock)s", day=day(here.date(), today=now.date()), clock=clock(here))


def until(at: datetime, *, now: datetime) -> str:
    """Spell how long until then: "dans 18 min", or "retard 4 min" once it is past."""
    minutes = int((at - now).total_seconds() // 60)
    if minutes < 0:
        return _("retard %(minutes)s min", minutes=-minutes)
    if minutes < 60:
        return _("dans %(minutes)s min", minutes=minutes)
    return _("à %(clock)s", clock=clock(at.astimezone(now.tzinfo)))


def count(n: int) -> str:
    """Spell 1312 as "1 312", in English as "1,312"."""
    separator = "," if language() == "en" else NARROW_NO_BREAK
    return f"{n:,}".replace(",", separator)


def decimal(number: float) -> str:
    """Spell a number to a tenth: "2,5", in English "2.5"; a whole one without."""
    said = f"{number:.1f}".removesuffix(".0")
    return said if language() == "en" else said.replace(".", ",")


def call_clock(duration_ms: int) -> str:
    """Spell a call's length as "1:12"."""
    minutes, rest = divmod(duration_ms // 1_000, 60)
    return f"{minutes}:{rest:02d}"


def hour(at: datetime | time) -> str:
    """Spell a full hour as "19 h", in English as "19:00"."""
    return f"{at.hour:02d}:00" if language() == "en" else f"{at.hour}{NO_BREAK}h"
