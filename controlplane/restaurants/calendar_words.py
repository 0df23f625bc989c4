"""Dates and hours as French writes them, for whoever reads a rule. No-break spaces are escapes."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, time
from typing import Final

from controlplane.contracts.opening import OpeningWindow

DAYS: Final = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS: Final = (
    *("janvier", "février", "mars", "avril", "mai", "juin", "juillet"),
    *("août", "septembre", "octobre", "novembre", "décembre"),
)
_NO_BREAK: Final = "\u00a0"


def written_clock(at: time) -> str:
    """18:30 → "18 h 30", 22:00 → "22 h"."""
    hour = f"{at.hour}{_NO_BREAK}h"
    return f"{hour}{_NO_BREAK}{at.minute:02d}" if at.minute else hour


def written_date(day: date) -> str:
    """25 December 2026 → "vendredi 25 décembre 2026"."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{DAYS[day.weekday()]} {number}{_NO_BREAK}{MONTHS[day.month - 1]} {day.year}"


def written_hours(windows: Iterable[tuple[time, time]]) -> str:
    """Spell "de 11 h 30 à 14 h 30 et de 18 h 30 à 22 h"; "fermé" without a window."""
    return " et ".join(_span(*window) for window in sorted(windows)) or "fermé"


def written_week(windows: Iterable[OpeningWindow]) -> str:
    """Spell "du lundi au vendredi de 11 h 30 à 14 h 30 ; samedi de 12 h à 15 h"."""
    days_of: dict[tuple[time, time], set[int]] = defaultdict(set)
    for window in windows:
        days_of[window.opens, window.closes].add(window.weekday)
    spans_of: dict[str, list[tuple[time, time]]] = defaultdict(list)
    for span, days in days_of.items():
        spans_of[_days(sorted(days))].append(span)
    parts = [" ".join(filter(None, (days, written_hours(of)))) for days, of in spans_of.items()]
    return f"{_NO_BREAK}; ".join(parts)


def _days(days: list[int]) -> str:
    """Spell "du lundi au vendredi" of three and more in a row, else each; "" of all seven."""
    if len(days) == len(DAYS):
        return ""
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"du {DAYS[days[0]]} au {DAYS[days[-1]]}"
    *first, last = (DAYS[day] for day in days)
    return f"{', '.join(first)} et {last}" if first else last


def _span(opens: time, closes: time) -> str:
    if opens == closes == time():
        return f"24{_NO_BREAK}h sur 24"
    return f"de {written_clock(opens)} à {written_clock(closes)}"
