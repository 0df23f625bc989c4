"""Who may have a table when: each rule, past midnight, clocks that change, tables, combinations.

`decide` is pure: the same function answers a wish and its alternatives.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import OpeningException
from controlplane.restaurants.reservation_rules import (
    AROUND,
    Book,
    Booked,
    Fit,
    Refusal,
    Rule,
    Wish,
    alternatives,
    decide,
)
from controlplane.restaurants.reservation_shifts import Shift, shift_at, shifts_between
from controlplane.restaurants.reservation_tables import During, Place, Taken, free_place

pytestmark = pytest.mark.unit

PARIS = ZoneInfo("Europe/Paris")
FRIDAY = date(2026, 11, 27)
EVE = datetime(2026, 11, 26, 12, tzinfo=UTC)
SALLE, TERRASSE = new_id(), new_id()
TWO, FOUR, OTHER_FOUR = new_id(), new_id(), new_id()


def at(hour: int, minute: int = 0, *, day: date = FRIDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), PARIS).astimezone(UTC)


def shift(**values: Any) -> Shift:
    evening: dict[str, Any] = {
        "id": new_id(),
        "name": "Dîner",
        "weekdays": frozenset(range(7)),
        "first_seating": time(18),
        "last_seating": time(22, 30),
        "slot": timedelta(minutes=15),
        "lead": timedelta(minutes=60),
        "furthest": timedelta(days=60),
        "cancel": timedelta(minutes=120),
        "max_covers_a_slot": None,
        "max_covers": None,
        "turns": ((4, timedelta(minutes=90)), (8, timedelta(minutes=120))),
    }
    return Shift(**(evening | values))


def place(*table_ids: UUID, covers: tuple[int, int], area_id: UUID = SALLE) -> Place:
    return Place(
        table_ids=frozenset(table_ids),
        area_ids=frozenset({area_id}),
        min_covers=covers[0],
        max_covers=covers[1],
        rank=(0, str(table_ids)),
    )


PLACES = (
    place(TWO, covers=(1, 2)),
    place(FOUR, covers=(2, 4)),
    place(OTHER_FOUR, covers=(2, 4), area_id=TERRASSE),
    place(FOUR, OTHER_FOUR, covers=(5, 8)),
)


def book(*, rules: Shift | None = None, **values: Any) -> Book:
    return Book(zone=PARIS, shifts=(rules or shift(),), places=PLACES, **values)


def refused(book: Book, wish: Wish, now: datetime = EVE) -> tuple[Rule, int | None]:
    refusal = decide(book, wish, now)
    assert isinstance(refusal, Refusal)
    return refusal.rule, refusal.limit


def granted(book: Book, wish: Wish, now: datetime = EVE) -> Fit:
    fit = decide(book, wish, now)
    assert isinstance(fit, Fit), fit
    return fit


def test_a_party_gets_the_smallest_table_for_its_turn() -> None:
    fit = granted(book(), Wish(party=2, starts_at=at(20)))
    assert (fit.table_ids, fit.during) == (frozenset({TWO}), During(at(20), at(21, 30)))
    fit = granted(book(), Wish(party=6, starts_at=at(20)))
    assert (fit.table_ids, fit.during) == (frozenset({FOUR, OTHER_FOUR}), During(at(20), at(22)))


@pytest.mark.parametrize(
    ("wish", "rule", "limit"),
    [
        (Wish(party=2, starts_at=at(17, 45)), Rule.NO_SHIFT, None),
        (Wish(party=2, starts_at=at(22, 45)), Rule.NO_SHIFT, None),
        (Wish(party=2, starts_at=at(20, 10)), Rule.OFF_SLOT, 15),
        (Wish(party=9, starts_at=at(20)), Rule.PARTY_TOO_LARGE, 8),
        (Wish(party=2, starts_at=at(20, day=date(2027, 1, 26))), Rule.TOO_FAR, 60),
        (Wish(party=2, starts_at=at(20, day=date(2026, 11, 25))), Rule.TOO_SOON, 60),
    ],
)
def test_each_rule_that_refuses_is_named_with_its_limit(
    wish: Wish, rule: Rule, limit: int | None
) -> None:
    assert refused(book(), wish) == (rule, limit)


def test_the_limits_themselves_are_allowed() -> None:
    for moment in (at(18), at(22, 30), at(20, day=date(2027, 1, 25))):
        granted(book(), Wish(party=2, starts_at=moment))
    granted(book(), Wish(party=2, starts_at=at(20)), at(19))
    assert refused(book(), Wish(party=2, starts_at=at(20)), at(19, 1)) == (Rule.TOO_SOON, 60)


def test_the_staff_are_held_to_tables_and_covers_alone() -> None:
    late = Wish(party=4, starts_at=at(20, 7), by_staff=True)
    assert granted(book(), late, at(20, 7)).during == During(at(20, 7), at(21, 37))
    nightly = Wish(party=2, starts_at=at(3), by_staff=True)
    fit = granted(book(), nightly)
    assert (fit.shift, fit.during) == (None, During(at(3), at(5)))
    full = book(rules=shift(max_covers=3))
    assert refused(full, late) == (Rule.COVERS, 3)
    assert refused(book(), replace(late, party=30)) == (Rule.NO_TABLE, None)
    chosen = replace(late, party=30, table_ids=frozenset({TWO, FOUR}))
    assert granted(book(), chosen).table_ids == {TWO, FOUR}


def test_covers_are_counted_by_slot_and_in_total() -> None:
    rules = shift(max_covers_a_slot=6, max_covers=10)

    def booked(hour: int, minute: int, party: int, *, day: date = FRIDAY) -> Booked:
        return Booked(rules.id, day, at(hour, minute, day=day), party)

    some = (booked(20, 7, 4), booked(20, 15, 2), booked(20, 0, 30, day=date(2026, 11, 26)))
    evening = book(rules=rules, booked=some)
    assert refused(evening, Wish(party=3, starts_at=at(20))) == (Rule.COVERS_A_SLOT, 6)
    granted(evening, Wish(party=2, starts_at=at(20)))
    assert refused(evening, Wish(party=5, starts_at=at(18))) == (Rule.COVERS, 10)
    granted(evening, Wish(party=4, starts_at=at(18)))


def test_a_combination_is_seen_by_its_tables_and_they_by_it() -> None:
    four = book(taken=(Taken(FOUR, During(at(21), at(22, 30))),))
    assert refused(four, Wish(party=6, starts_at=at(20))) == (Rule.NO_TABLE, None)
    granted(four, Wish(party=6, starts_at=at(19)))
    six = book(taken=tuple(Taken(one, During(at(20), at(22))) for one in (FOUR, OTHER_FOUR)))
    assert refused(six, Wish(party=3, starts_at=at(20))) == (Rule.NO_TABLE, None)
    assert granted(six, Wish(party=2, starts_at=at(20))).table_ids == {TWO}


def test_an_area_that_is_asked_for_is_kept_to() -> None:
    outside = Wish(party=2, starts_at=at(20), area_id=TERRASSE)
    assert granted(book(), outside).table_ids == {OTHER_FOUR}
    taken = (Taken(OTHER_FOUR, During(at(20), at(21))),)
    assert refused(book(taken=taken), outside) == (Rule.NO_TABLE, None)


def test_a_dated_exception_closes_the_evening_or_a_part_of_it() -> None:
    closed = (OpeningException(date=FRIDAY, opens=None, closes=None),)
    wish = Wish(party=2, starts_at=at(20))
    assert refused(book(exceptions=closed), wish) == (Rule.CLOSED, None)
    granted(book(exceptions=closed), replace(wish, starts_at=at(20, day=date(2026, 11, 28))))
    shorter = (OpeningException(date=FRIDAY, opens=time(18), closes=time(21)),)
    granted(book(exceptions=shorter), wish)
    late = replace(wish, starts_at=at(21, 30))
    assert refused(book(exceptions=shorter), late) == (Rule.CLOSED, None)
    assert max(alternatives(book(exceptions=shorter), late, EVE)) == at(20, 45)


def test_alternatives_are_within_three_hours_the_nearest_first() -> None:
    taken = tuple(Taken(one, During(at(19), at(21))) for one in (TWO, FOUR, OTHER_FOUR))
    found = alternatives(book(taken=taken), Wish(party=2, starts_at=at(20)), EVE)
    assert found[:3] == (at(21), at(21, 15), at(21, 30))
    assert at(22, 30) in found
    assert at(18) not in found  # the table would be taken before the guests have eaten


def test_a_shift_past_midnight_belongs_to_the_date_on_which_it_began() -> None:
    rules = shift(weekdays=frozenset({4}), first_seating=time(21), last_seating=time(1))
    saturday = date(2026, 11, 28)
    found = shift_at([rules], PARIS, at(0, 45, day=saturday))
    assert found is not None
    assert found.date == FRIDAY
    assert shift_at([rules], PARIS, at(1, 15, day=saturday)) is None
    assert shift_at([rules], PARIS, at(0, 45)) is None
    night = Wish(party=2, starts_at=at(23, 30))
    full = book(
        rules=rules,
        taken=tuple(Taken(t, During(at(23), at(23, 45))) for t in (TWO, FOUR, OTHER_FOUR)),
    )
    assert at(0, 45, day=saturday) in alternatives(full, night, EVE)


def test_an_hour_that_comes_twice_has_slots_in_both_and_one_left_out_has_none() -> None:
    rules = shift(first_seating=time(1), last_seating=time(3), slot=timedelta(minutes=30))
    autumn, spring = date(2026, 10, 25), date(2027, 3, 28)
    for day, shown in (
        (autumn, ["01:00", "01:30", "02:00", "02:30", "02:00", "02:30", "03:00"]),
        (spring, ["01:00", "01:30", "03:00"]),
    ):
        (one,) = shifts_between([rules], PARIS, day, day)
        assert [f"{slot.astimezone(PARIS):%H:%M}" for slot in one.slots()] == shown


def test_a_turn_lasts_as_long_in_the_night_the_clock_changes() -> None:
    day = date(2026, 10, 24)
    rules = shift(first_seating=time(22), last_seating=time(2))
    fit = granted(
        book(rules=rules), Wish(party=2, starts_at=at(2, day=date(2026, 10, 25))), at(12, day=day)
    )
    assert fit.during.ends_at - fit.during.starts_at == timedelta(minutes=90)


MINUTES = st.integers(0, 24 * 60)
TAKEN = st.lists(
    st.tuples(st.sampled_from([TWO, FOUR, OTHER_FOUR]), MINUTES, st.integers(1, 180)), max_size=8
)


@given(taken=TAKEN, minute=MINUTES, party=st.integers(1, 12), covers=st.integers(1, 12))
def test_what_is_granted_is_free_and_no_refusal_is_without_its_rule(
    taken: list[tuple[UUID, int, int]], minute: int, party: int, covers: int
) -> None:
    """Whatever is granted, an alternative too, takes no table that is taken then."""
    start = at(0)
    busy = tuple(
        Taken(one, During(start + timedelta(minutes=m), start + timedelta(minutes=m + length)))
        for one, m, length in taken
    )
    evening = book(rules=shift(max_covers_a_slot=covers), taken=busy)
    wish = Wish(party=party, starts_at=start + timedelta(minutes=minute))
    offered = alternatives(evening, wish, EVE)
    assert list(offered) == sorted(offered, key=lambda one: (abs(one - wish.starts_at), one))
    for moment in (wish.starts_at, *offered):
        answer = decide(evening, replace(wish, starts_at=moment), EVE)
        if isinstance(answer, Refusal):
            assert moment == wish.starts_at
            continue
        assert party <= covers
        assert abs(moment - wish.starts_at) <= AROUND
        assert not [
            one
            for one in busy
            if one.table_id in answer.table_ids and one.during.overlaps(answer.during)
        ]


@given(party=st.integers(1, 8))
def test_no_smaller_place_was_free(party: int) -> None:
    chosen = free_place(PLACES, (), During(at(20), at(21)), party=party)
    assert chosen is not None
    better = [
        p for p in PLACES if p.suits(party, None) and len(p.table_ids) < len(chosen.table_ids)
    ]
    assert better == []
