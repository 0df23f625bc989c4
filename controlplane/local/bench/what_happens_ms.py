"""How long one question to `what_happens` takes, of a restaurant with many rules."""

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from typing import Final
from zoneinfo import ZoneInfo

from controlplane.contracts.opening import (
    HolidayHours,
    Holidays,
    OpeningException,
    OpeningKind,
    OpeningWindow,
)
from controlplane.restaurants.what_happens import Calendar, what_happens

_FIRST: Final = datetime(2026, 11, 1, tzinfo=UTC)
_INSTANTS: Final = 400
_PERCENTILE: Final = 0.95


def what_happens_ms() -> float:
    """The 95th percentile in milliseconds over a year of instants, of every kind of opening."""
    calendar, took = _calendar(), []
    for number in range(_INSTANTS):
        at = _FIRST + number * timedelta(hours=22)
        for kind in OpeningKind:
            began = time.perf_counter()
            what_happens(calendar, kind, at)
            took.append((time.perf_counter() - began) * 1_000)
    return sorted(took)[int(len(took) * _PERCENTILE)]


def _calendar() -> Calendar:
    """Three windows a day for four kinds, closed on holidays, away for a month, eight odd days."""
    windows = [(wall_time(8), wall_time(10)), (wall_time(12), wall_time(15))]
    windows.append((wall_time(19), wall_time(1)))
    week = tuple(
        OpeningWindow(kind=kind, weekday=day, opens=opens, closes=closes)
        for kind in OpeningKind
        if kind is not OpeningKind.AI_ANSWERING
        for day in range(7)
        for opens, closes in windows
    )
    away = OpeningException(date=date(2027, 8, 1), last_date=date(2027, 8, 31), label="Congés")
    odd = tuple(
        OpeningException(
            date=date(2026, 12, 1) + timedelta(days=14 * n),
            opens=wall_time(18),
            closes=wall_time(2),
        )
        for n in range(8)
    )
    holidays = Holidays(hours=HolidayHours.CLOSED, alsace_moselle=True)
    return Calendar(ZoneInfo("Europe/Paris"), week, (away, *odd), holidays)
