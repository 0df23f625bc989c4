"""When a restaurant takes orders: a pure function of its hours and the instant.

Hours are wall time in the restaurant's zone; a window that closes at or before the time it opens
goes on past midnight, and belongs to the date on which it opened. A dated exception stands for all
windows of its date: other hours, or none. A window opens and closes when the clock first shows the
time: of the night in which 02:30 comes twice it is the earlier one, and of the night in which the
clock leaves it out, 03:30.

An order is taken from the minute the restaurant opens to the minute it closes: whoever takes one
then also prepares it. Before it opens nobody is there to see it, so none is taken ahead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from controlplane.contracts.restaurant_config import (
    OpeningException,
    OpeningWindow,
    RestaurantConfig,
    RestaurantStatus,
)
from controlplane.restaurants.errors import Closed, NotTakingOrders

HORIZON_DAYS: Final = 60
"""A restaurant that opens later than this is not known to open again."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """A restaurant's week and its exceptions, in its zone."""

    zone: ZoneInfo
    week: tuple[OpeningWindow, ...]
    exceptions: tuple[OpeningException, ...] = ()


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
    exceptional: bool
    """Today's hours are an exception's."""


def hours_of(config: RestaurantConfig) -> Hours:
    return Hours(ZoneInfo(config.timezone), config.opening, config.opening_exceptions)


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
    exceptional = any(exception.date == today for exception in hours.exceptions)
    return Opening(service=service, following=following, exceptional=exceptional)


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


def check_open(hours: Hours, now: datetime) -> Service:
    """Return the service that an order of `now` belongs to. Raises `Closed`."""
    opening = opening_at(hours, now)
    if opening.service is None:
        raise Closed(
            now.astimezone(hours.zone),
            opens=opening.following.opens if opening.following else None,
            exceptional=opening.exceptional,
        )
    return opening.service


def check_takes_orders(config: RestaurantConfig, now: datetime) -> None:
    """Raise `NotTakingOrders` or `Closed`, by what a worker knows of its restaurant."""
    check_live(config.status)
    check_open(hours_of(config), now)


def check_live(status: RestaurantStatus) -> None:
    """Raise `NotTakingOrders` unless the restaurant is open for business."""
    if status is not RestaurantStatus.LIVE:
        raise NotTakingOrders(status)


def service_date(hours: Hours, now: datetime) -> date:
    """The date that an order of `now` is numbered on: its service's, or today's when closed."""
    service = opening_at(hours, now).service
    return service.date if service else now.astimezone(hours.zone).date()


def _services(hours: Hours, first: date) -> Iterator[Service]:
    """Every window from this date on, in the order in which they open."""
    for ahead in range(HORIZON_DAYS + 2):
        day = first + ahead * _DAY
        services = [_service(hours.zone, day, *window) for window in _windows(hours, day)]
        some = [service for service in services if service.opens < service.closes]
        yield from sorted(some, key=lambda service: service.opens)


def _windows(hours: Hours, day: date) -> list[tuple[time, time]]:
    exceptions = [exception for exception in hours.exceptions if exception.date == day]
    if exceptions:
        return [(e.opens, e.closes) for e in exceptions if e.opens and e.closes]
    weekday = day.weekday()
    return [(w.opens, w.closes) for w in hours.week if w.weekday == weekday]


def _service(zone: ZoneInfo, day: date, opens: time, closes: time) -> Service:
    closing_day = day if closes > opens else day + _DAY
    return Service(day, _instant(zone, day, opens), _instant(zone, closing_day, closes))


def _instant(zone: ZoneInfo, day: date, at: time) -> datetime:
    """Through UTC, so that a time that does not come is the one the clock shows instead."""
    return datetime.combine(day, at, zone).astimezone(UTC).astimezone(zone)
