"""A restaurant's hours of one kind as services, each with its two instants. Pure.

Hours are wall time in the restaurant's zone; a window that closes at or before the time it opens
goes on past midnight, and belongs to the date on which it opened. Dated exceptions stand for all
windows of their dates: other hours, or none; a public holiday without one has none either, unless
the restaurant works on it as usual. A window opens and closes when the clock first shows the time:
of the night in which 02:30 comes twice it is the earlier one, and of the night in which the clock
leaves it out, 03:30.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from controlplane.contracts.opening import (
    HolidayHours,
    Holidays,
    OpeningException,
    OpeningWindow,
)
from controlplane.restaurants.public_holidays import public_holidays

HORIZON_DAYS: Final = 60
"""A restaurant that opens later than this is not known to open again."""
AS_USUAL: Final = Holidays()
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """A restaurant's week, its exceptions and its holidays, in its zone."""

    zone: ZoneInfo
    week: tuple[OpeningWindow, ...]
    exceptions: tuple[OpeningException, ...] = ()
    holidays: Holidays = AS_USUAL


@dataclass(frozen=True, slots=True)
class Service:
    """One window of one date."""

    date: date
    """On it the window opened: after midnight it is still yesterday's service."""
    opens: datetime
    closes: datetime
    """Both are instants in the restaurant's zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the hours say of one instant."""

    service: Service | None
    """It is open, until this closes; None: it is closed."""
    following: Service | None
    """It opens next with this; None: not within `HORIZON_DAYS`."""


def opening_at(hours: Hours, now: datetime) -> Opening:
    """Say whether the restaurant is open at `now`, until when, and when it opens next."""
    today = now.astimezone(hours.zone).date()
    now = now.astimezone(UTC)  # within one zone, Python compares wall times
    service = following = None
    for one in _services(hours, today - _DAY):
        if one.opens > now:
            following = one
            break
        if now < one.closes and service is None:
            service = one
    return Opening(service=service, following=following)


def open_until(hours: Hours, service: Service) -> datetime | None:
    """When the restaurant closes that is in this service: a window that opens as another closes, at
    midnight above all, goes on. None: not within a day of its end.
    """
    closes = service.closes
    while (next_one := opening_at(hours, closes).service) is not None:
        closes = next_one.closes
        if closes > service.closes + _DAY:
            return None
    return closes


def exceptions_of(hours: Hours, day: date) -> list[OpeningException]:
    """The exceptions that decide of this date: those with hours, where one has any."""
    of_day = [exception for exception in hours.exceptions if exception.covers(day)]
    return [exception for exception in of_day if exception.opens] or of_day


def holiday_of(hours: Hours, day: date) -> str | None:
    """The public holiday for which the restaurant does not work as usual on this date."""
    if hours.holidays.hours is HolidayHours.AS_USUAL:
        return None
    return public_holidays(day.year, alsace_moselle=hours.holidays.alsace_moselle).get(day)


def week_of(hours: Hours, day: date) -> list[OpeningWindow]:
    weekday = day.weekday()
    return [window for window in hours.week if window.weekday == weekday]


def windows_of(hours: Hours, day: date) -> list[tuple[time, time]]:
    """When it opens and closes on this date, by whichever rule decides of it."""
    if exceptions := exceptions_of(hours, day):
        return [(e.opens, e.closes) for e in exceptions if e.opens and e.closes]
    if holiday_of(hours, day):
        return []
    return [(window.opens, window.closes) for window in week_of(hours, day)]


def _services(hours: Hours, first: date) -> Iterator[Service]:
    """Every window from this date on, in the order in which they open."""
    for ahead in range(HORIZON_DAYS + 2):
        day = first + ahead * _DAY
        services = [_service(hours.zone, day, *window) for window in windows_of(hours, day)]
        some = [service for service in services if service.opens < service.closes]
        yield from sorted(some, key=lambda service: service.opens)


def _service(zone: ZoneInfo, day: date, opens: time, closes: time) -> Service:
    closing_day = day if closes > opens else day + _DAY
    return Service(day, _instant(zone, day, opens), _instant(zone, closing_day, closes))


def _instant(zone: ZoneInfo, day: date, at: time) -> datetime:
    """Through UTC, so that a time that does not come is the one the clock shows instead."""
    return datetime.combine(day, at, zone).astimezone(UTC).astimezone(zone)
