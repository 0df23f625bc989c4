"""Amounts and times as a French voice says them. Pure.

The model reads these texts out: a voice model given "12,50 €" gets some of them wrong, and callers
hear a wrong price as a promise.
"""

import unicodedata
from collections.abc import Collection, Iterable
from datetime import date, datetime, time
from itertools import groupby

from controlplane.contracts.opening import (
    HolidayHours,
    OpeningException,
    OpeningKind,
    OpeningWindow,
)
from controlplane.restaurants.calendar_words import DAYS, MONTHS

_UNITS = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize"
    " dix-sept dix-huit dix-neuf"
).split()
_TENS = {2: "vingt", 3: "trente", 4: "quarante", 5: "cinquante", 6: "soixante", 8: "quatre-vingt"}
_KINDS = {
    OpeningKind.ON_SITE: "sur place",
    OpeningKind.PICKUP: "à emporter",
    OpeningKind.DELIVERY: "en livraison",
    OpeningKind.RESERVATION: "pour réserver",
}
_HOLIDAYS = {
    HolidayHours.AS_USUAL: "",
    HolidayHours.TO_CONFIRM: "horaires à confirmer les autres jours fériés",
    HolidayHours.CLOSED: "fermé les autres jours fériés",
}
_FEMININE = frozenset(
    "pizza salade eau biere limonade bouteille carafe canette pression soupe tarte mousse creme"
    " glace assiette formule entree bruschetta panna crepe galette portion part planche".split()
)
MOST = 999_999


def number(value: int, *, feminine: bool = False) -> str:
    """0–999,999 in words. `feminine` says "vingt et une" (heures, pizzas)."""
    if not 0 <= value <= MOST:
        raise ValueError("out of range")
    words = _thousands(value)
    return f"{words}e" if feminine and words.endswith("un") else words


def is_feminine(name: str, category: str) -> bool:
    """Whether one of it is "une": by the first word of its name, else of its category.

    A guess for the ear: pizzas go by the word "pizza", which nobody says.
    """
    return any(_first_word(text) in _FEMININE for text in (name, category))


def _first_word(text: str) -> str:
    flat = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in flat if not unicodedata.combining(char))
    word = plain.split()[0] if plain.split() else ""
    return word.removesuffix("s")


def price(cents: int) -> str:
    """1250 → "douze euros cinquante"."""
    euros, rest = divmod(cents, 100)
    if euros == 0:
        return f"{number(rest)} centime{'s' if rest > 1 else ''}"
    words = f"{number(euros)} euro{'s' if euros > 1 else ''}"
    return f"{words} {number(rest)}" if rest else words


def clock(moment: time) -> str:
    """19:30 → "dix-neuf heures trente"."""
    if moment.hour == 0 and moment.minute == 0:
        return "minuit"
    if moment.hour == 12 and moment.minute == 0:
        return "midi"
    hours = f"{number(moment.hour, feminine=True)} heure{'s' if moment.hour > 1 else ''}"
    return f"{hours} {number(moment.minute)}" if moment.minute else hours


def spoken_date(day: date) -> str:
    """27 November 2026 → "vendredi vingt-sept novembre"."""
    number_of_day = "premier" if day.day == 1 else number(day.day)
    return f"{DAYS[day.weekday()]} {number_of_day} {MONTHS[day.month - 1]}"


def spoken_from(moment: datetime, *, now: datetime) -> str:
    """ "à partir de dix-huit heures trente" today, "à partir de demain à onze heures", "à partir de
    samedi à midi", later with its date. Both are in the restaurant's zone.
    """
    at = clock(moment.time())
    days = (moment.date() - now.date()).days
    if days == 0:
        return f"à partir de {at}"
    if days == 1:
        return f"à partir de demain à {at}"
    if days < len(DAYS):
        return f"à partir de {DAYS[moment.weekday()]} à {at}"
    return f"à partir du {spoken_date(moment.date())} à {at}"


def spoken_hours(windows: Collection[OpeningWindow]) -> str:
    """Days with the same hours are said together, and so are kinds with the same week."""
    by_kind = {
        kind: _spoken_week([window for window in windows if window.kind is kind]) for kind in _KINDS
    }
    offered = {kind: week for kind, week in by_kind.items() if week}
    if len(set(offered.values())) <= 1:
        return next(iter(offered.values()), "aucun")
    return ". ".join(f"{_KINDS[kind].capitalize()}, {week}" for kind, week in offered.items())


def _spoken_week(windows: Collection[OpeningWindow]) -> str:
    """Say nothing of a kind without windows."""
    if not windows:
        return ""
    days = {
        day: " et ".join(f"de {clock(w.opens)} à {clock(w.closes)}" for w in rules)
        for day, rules in groupby(
            sorted(windows, key=lambda w: (w.weekday, w.opens)), key=lambda w: w.weekday
        )
    }
    phrases = []
    for hours, same in groupby(range(7), key=lambda day: days.get(day, "fermé")):
        run = list(same)
        name = DAYS[run[0]] if len(run) == 1 else f"du {DAYS[run[0]]} au {DAYS[run[-1]]}"
        phrases.append(f"{name} {hours}")
    return " ; ".join(phrases)


def spoken_exceptions(
    exceptions: Iterable[OpeningException], holidays: HolidayHours = HolidayHours.AS_USUAL
) -> str:
    """The dates with hours of their own, and public holidays; "aucun" when there are none."""
    phrases = []
    for (first, last, kinds), rows in groupby(exceptions, key=_dates_and_kinds):
        hours = [f"de {clock(r.opens)} à {clock(r.closes)}" for r in rows if r.opens and r.closes]
        dates = f"du {spoken_date(first)} au {spoken_date(last)}" if last else spoken_date(first)
        limits = "".join(f" {_KINDS[kind]}" for kind in kinds if kind in _KINDS)
        phrases.append(f"{dates}{limits} {' et '.join(hours) or 'fermé'}")
    if _HOLIDAYS[holidays]:
        phrases.append(_HOLIDAYS[holidays])
    return " ; ".join(phrases) or "aucun"


def _dates_and_kinds(
    exception: OpeningException,
) -> tuple[date, date | None, tuple[OpeningKind, ...]]:
    return exception.date, exception.last_date, exception.kinds


def _thousands(value: int) -> str:
    thousands, rest = divmod(value, 1_000)
    if not thousands:
        return _hundreds(rest, ends=True)
    words = "mille" if thousands == 1 else f"{_hundreds(thousands, ends=False)} mille"
    return f"{words} {_hundreds(rest, ends=True)}" if rest else words


def _hundreds(value: int, *, ends: bool) -> str:
    """`ends`: nothing follows, so "cents" and "quatre-vingts" take their s."""
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return _below_hundred(rest, ends=ends)
    words = "cent" if hundreds == 1 else f"{_UNITS[hundreds]} cent"
    if not rest:
        return f"{words}s" if hundreds > 1 and ends else words
    return f"{words} {_below_hundred(rest, ends=ends)}"


def _below_hundred(value: int, *, ends: bool) -> str:
    if value < 20:
        return _UNITS[value]
    tens, units = divmod(value, 10)
    if tens in (7, 9):
        tens, units = tens - 1, units + 10
    word = _TENS[tens]
    if not units:
        return f"{word}s" if tens == 8 and ends else word
    link = " et " if units in (1, 11) and tens != 8 else "-"
    return f"{word}{link}{_UNITS[units]}"
