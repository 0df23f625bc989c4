"""Which service a page of reservations shows, and what it takes, by the shifts. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from controlplane.restaurants.reservation_shifts import Shift, ShiftOfDate, shifts_between
from webapp.reservations.queries import Booking

TABS_BACK: Final = timedelta(days=1)
TABS_AHEAD: Final = timedelta(days=3)
"""A telephone shows the services from yesterday's to those in three days as tabs."""
STILL_ON: Final = timedelta(hours=1)
"""After its last seating a service is what the staff look at for so long."""
LARGE: Final = 7
"""From so many guests on, a party takes a table that there are few of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covers:
    """The guests of a service, and what it takes; `most` None sets no limit."""

    guests: int
    most: int | None
    parties: int
    large: int

    @property
    def percent(self) -> int:
        return min(100, self.guests * 100 // self.most) if self.most else 0


def service_at(
    found: Sequence[ShiftOfDate], shift_id: UUID | None, now: datetime
) -> ShiftOfDate | None:
    """Return the one that is asked for; without a wish the one that is on, or the next, or the
    day's last. None: no table is given away on that day.
    """
    asked = [one for one in found if one.shift.id == shift_id]
    to_come = [one for one in found if one.last + STILL_ON > now]
    return next(iter([*asked, *to_come, *reversed(found)]), None)


def current_day(shifts: Sequence[Shift], zone: ZoneInfo, now: datetime) -> date:
    """Return the date whose service the restaurant is in: after midnight still yesterday's, until
    an hour after its last seating.
    """
    today = now.astimezone(zone).date()
    on = shifts_between(shifts, zone, today - timedelta(days=1), today)
    return next((one.date for one in on if one.first <= now < one.last + STILL_ON), today)


def services_on(shifts: Sequence[Shift], zone: ZoneInfo, day: date) -> list[ShiftOfDate]:
    return shifts_between(shifts, zone, day, day)


def services_around(shifts: Sequence[Shift], zone: ZoneInfo, day: date) -> list[ShiftOfDate]:
    return shifts_between(shifts, zone, day - TABS_BACK, day + TABS_AHEAD)


def covers(bookings: Sequence[Booking], most: int | None) -> Covers:
    """Sum what counts against the service's limit."""
    counted = [one.party for one in bookings if one.counted]
    return Covers(
        guests=sum(counted),
        most=most,
        parties=len(counted),
        large=sum(party >= LARGE for party in counted),
    )


def day_between(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From midnight to midnight of the restaurant."""
    midnight = datetime.min.time()
    return (
        datetime.combine(day, midnight, zone),
        datetime.combine(day + timedelta(days=1), midnight, zone),
    )
