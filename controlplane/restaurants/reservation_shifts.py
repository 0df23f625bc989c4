"""When a party may sit down, and for how long: a pure function of a restaurant's shifts.

First and last seating are wall time in the restaurant's zone; slots follow the first one in steps
of elapsed time, so that the night in which an hour comes twice has slots in both, and the night in
which one is left out has none in it. A shift whose last seating is before its first goes on past
midnight, and all of it belongs to the date on which it began.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One row of `reservation_shift`, with its turn times."""

    id: UUID
    name: str
    weekdays: frozenset[int]
    first_seating: time
    last_seating: time
    slot: timedelta
    lead: timedelta
    furthest: timedelta
    cancel: timedelta
    max_covers_a_slot: int | None
    max_covers: int | None
    turns: tuple[tuple[int, timedelta], ...]
    """Each is the largest party of the turn and its length, from the smallest party on."""

    @property
    def largest_party(self) -> int:
        return self.turns[-1][0] if self.turns else 0

    def turn(self, party: int) -> timedelta:
        """How long a party keeps its table; one that is too large keeps it as the largest does."""
        return next((turn for most, turn in self.turns if party <= most), self.turns[-1][1])


@dataclass(frozen=True, slots=True)
class ShiftOfDate:
    """A shift as it takes place on one date; both instants are in UTC."""

    shift: Shift
    date: date
    first: datetime
    last: datetime

    def slot_of(self, at: datetime) -> datetime:
        """Return the beginning of the slot that `at` is in."""
        return at - (at - self.first) % self.shift.slot

    def slots(self) -> Iterator[datetime]:
        """Every instant at which a party may sit down."""
        at = self.first
        while at <= self.last:
            yield at
            at += self.shift.slot


def shift_at(shifts: Sequence[Shift], zone: ZoneInfo, at: datetime) -> ShiftOfDate | None:
    """Return the shift in which a party would sit down at that instant; of two, the one that began
    first.
    """
    day = at.astimezone(zone).date()
    found = [
        one for one in shifts_between(shifts, zone, day - _DAY, day) if one.first <= at <= one.last
    ]
    return found[0] if found else None


def shifts_between(
    shifts: Sequence[Shift], zone: ZoneInfo, first: date, last: date
) -> list[ShiftOfDate]:
    """Every shift of these dates, both included, in the order in which they begin."""
    days = (first + ahead * _DAY for ahead in range((last - first).days + 1))
    found = [
        _of_date(shift, zone, day)
        for day in days
        for shift in shifts
        if day.weekday() in shift.weekdays and shift.turns
    ]
    return sorted(found, key=lambda one: (one.first, one.shift.name))


def _of_date(shift: Shift, zone: ZoneInfo, day: date) -> ShiftOfDate:
    last_day = day if shift.first_seating <= shift.last_seating else day + _DAY
    return ShiftOfDate(
        shift,
        day,
        datetime.combine(day, shift.first_seating, zone).astimezone(UTC),
        datetime.combine(last_day, shift.last_seating, zone).astimezone(UTC),
    )
