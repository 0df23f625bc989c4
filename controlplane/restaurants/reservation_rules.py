"""Whether a party can have a table at an instant, and when else: pure, over one `Book`.

Guests are held to every rule. The staff book whoever asks, at any minute and of any size; what the
house can seat and serve (tables, covers) binds them too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from controlplane.contracts.opening import Holidays, OpeningException
from controlplane.restaurants.opening import (
    AS_USUAL,
    Hours,
    exceptions_of,
    holiday_of,
    opening_at,
)
from controlplane.restaurants.reservation_shifts import (
    Shift,
    ShiftOfDate,
    shift_at,
    shifts_between,
)
from controlplane.restaurants.reservation_tables import During, Place, Taken, free_place

AROUND: Final = timedelta(hours=3)
"""Nobody moves a dinner further than this (slang.ai offers the same)."""
OUTSIDE_SHIFTS: Final = timedelta(hours=2)
"""Guests who walk in when no shift is on keep their table for this long."""


class Rule(StrEnum):
    """Names what refused a wish; a refusal's `limit` says how much it allows."""

    CLOSED = "closed"
    """A dated exception closes the restaurant then."""
    NO_SHIFT = "no_shift"
    """No table is given at that hour of that weekday."""
    OFF_SLOT = "off_slot"
    """Parties sit down every `limit` minutes, and not then."""
    TOO_SOON = "too_soon"
    """A table is booked `limit` minutes ahead at least."""
    TOO_FAR = "too_far"
    """A table is booked `limit` days ahead at most."""
    PARTY_TOO_LARGE = "party_too_large"
    """Parties of more than `limit` are for the staff to book."""
    COVERS_A_SLOT = "covers_a_slot"
    """At most `limit` guests sit down in one slot."""
    COVERS = "covers"
    """At most `limit` guests are served in that shift."""
    NO_TABLE = "no_table"
    """No table or combination that suits the party is free."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The rule that decided, in which shift, and what it allows."""

    rule: Rule
    shift: ShiftOfDate | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """A reservation whose guests count among the covers."""

    shift_id: UUID | None
    shift_date: date | None
    starts_at: datetime
    party: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What a restaurant has promised around an instant, and by which rules it promises more."""

    zone: ZoneInfo
    shifts: tuple[Shift, ...]
    exceptions: tuple[OpeningException, ...] = ()
    holidays: Holidays = AS_USUAL
    places: tuple[Place, ...] = ()
    booked: tuple[Booked, ...] = ()
    taken: tuple[Taken, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A party wants to sit down at an instant."""

    party: int
    starts_at: datetime
    area_id: UUID | None = None
    table_ids: frozenset[UUID] = field(default_factory=frozenset)
    """The staff chose these tables; empty: any that suit."""
    stay: timedelta | None = None
    """They keep the table for so long; None: for the turn time of their size."""
    by_staff: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """The wish can be granted: in this shift, until then, at these tables."""

    shift: ShiftOfDate | None
    during: During
    table_ids: frozenset[UUID]


def decide(book: Book, wish: Wish, now: datetime) -> Fit | Refusal:
    """Grant the wish, or name the rule that refuses it. This is the one place that decides."""
    shift = shift_at(book.shifts, book.zone, wish.starts_at)
    refusal = (not wish.by_staff and _refused_guest(book, shift, wish, now)) or (
        shift and _refused_covers(book, shift, wish)
    )
    if refusal:
        return refusal
    during = time_at_table(shift, wish)
    table_ids = _tables(book, wish, during)
    if not table_ids:
        return Refusal(Rule.NO_TABLE, shift)
    return Fit(shift, during, table_ids)


def alternatives(book: Book, wish: Wish, now: datetime) -> tuple[datetime, ...]:
    """Every instant within `AROUND` of the wish at which it would be granted, the nearest first."""
    day = wish.starts_at.astimezone(book.zone).date()
    around = shifts_between(
        book.shifts, book.zone, day - timedelta(days=1), day + timedelta(days=1)
    )
    slots = {slot for shift in around for slot in shift.slots()}
    near = [at for at in slots if abs(at - wish.starts_at) <= AROUND and at != wish.starts_at]
    granted = [at for at in near if isinstance(decide(book, replace(wish, starts_at=at), now), Fit)]
    return tuple(sorted(granted, key=lambda at: (abs(at - wish.starts_at), at)))


def time_at_table(shift: ShiftOfDate | None, wish: Wish) -> During:
    turn = shift.shift.turn(wish.party) if shift else OUTSIDE_SHIFTS
    return During(wish.starts_at, wish.starts_at + (wish.stay or turn))


def _refused_guest(
    book: Book, shift: ShiftOfDate | None, wish: Wish, now: datetime
) -> Refusal | None:
    """Hold a guest to the rules that do not bind the staff."""
    day = shift.date if shift else wish.starts_at.astimezone(book.zone).date()
    if _closed(book, day, wish.starts_at):
        return Refusal(Rule.CLOSED)
    if shift is None:
        return Refusal(Rule.NO_SHIFT)
    rules, today = shift.shift, now.astimezone(book.zone).date()
    checks: Sequence[tuple[bool, Rule, int]] = (
        (wish.starts_at - now < rules.lead, Rule.TOO_SOON, _minutes(rules.lead)),
        (shift.date - today > rules.furthest, Rule.TOO_FAR, rules.furthest.days),
        (
            wish.starts_at != shift.slot_of(wish.starts_at),
            Rule.OFF_SLOT,
            _minutes(rules.slot),
        ),
        (wish.party > rules.largest_party, Rule.PARTY_TOO_LARGE, rules.largest_party),
    )
    return next((Refusal(rule, shift, limit) for no, rule, limit in checks if no), None)


def _refused_covers(book: Book, shift: ShiftOfDate, wish: Wish) -> Refusal | None:
    rules, slot = shift.shift, shift.slot_of(wish.starts_at)
    same = [one for one in book.booked if (one.shift_id, one.shift_date) == (rules.id, shift.date)]
    in_slot = sum(one.party for one in same if shift.slot_of(one.starts_at) == slot)
    if rules.max_covers_a_slot is not None and in_slot + wish.party > rules.max_covers_a_slot:
        return Refusal(Rule.COVERS_A_SLOT, shift, rules.max_covers_a_slot)
    in_all = sum(one.party for one in same)
    if rules.max_covers is not None and in_all + wish.party > rules.max_covers:
        return Refusal(Rule.COVERS, shift, rules.max_covers)
    return None


def _closed(book: Book, day: date, at: datetime) -> bool:
    """Whether the hours of an exceptional date, or of a public holiday, leave this instant out. On
    any other date the shift says when parties sit down.
    """
    hours = Hours(book.zone, (), book.exceptions, book.holidays)
    if not exceptions_of(hours, day) and holiday_of(hours, day) is None:
        return False
    return opening_at(hours, at).service is None


def _tables(book: Book, wish: Wish, during: During) -> frozenset[UUID]:
    if not wish.table_ids:
        place = free_place(book.places, book.taken, during, party=wish.party, area_id=wish.area_id)
        return place.table_ids if place else frozenset()
    busy = {one.table_id for one in book.taken if one.during.overlaps(during)}
    return wish.table_ids if busy.isdisjoint(wish.table_ids) else frozenset()


def _minutes(length: timedelta) -> int:
    return int(length.total_seconds()) // 60
