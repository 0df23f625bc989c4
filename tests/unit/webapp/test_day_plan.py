"""A service is drawn so that every quarter of every table is covered once, whatever is booked."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.models.reservation import ReservationStatus
from controlplane.restaurants.reservation_shifts import Shift, ShiftOfDate, shifts_between
from webapp.reservations.day_plan import DayPlan, draw
from webapp.reservations.queries import Booking, Table
from webapp.reservations.service import current_day

pytestmark = pytest.mark.unit

PARIS = ZoneInfo("Europe/Paris")
DAY = date(2026, 11, 27)
DINNER = Shift(
    id=uuid4(),
    name="Dîner",
    weekdays=frozenset(range(7)),
    first_seating=time(18, 30),
    last_seating=time(22),
    slot=timedelta(minutes=15),
    lead=timedelta(),
    furthest=timedelta(days=60),
    cancel=timedelta(),
    max_covers_a_slot=12,
    max_covers=48,
    turns=((8, timedelta(minutes=90)),),
)
TABLES = [
    Table(id=uuid4(), name=str(n), area="Salle" if n < 4 else "Terrasse", seats=4, active=True)
    for n in range(6)
]


def evening(shift: Shift = DINNER) -> ShiftOfDate:
    return shifts_between([shift], PARIS, DAY, DAY)[0]


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 27, hour, minute, tzinfo=PARIS)


def booked(starts_at: datetime, minutes: int, *tables: UUID, **more: Any) -> Booking:
    row: dict[str, Any] = {
        "id": uuid4(),
        "number": 1,
        "status": ReservationStatus.CONFIRMED,
        "source": "voice",
        "party": 2,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(minutes=minutes),
        "shift_id": DINNER.id,
        "shift_date": DAY,
        "area_id": None,
        "name": "Roux",
        "phone_e164": "",
        "note": "",
        "allergy": "",
        "call_id": None,
        "table_ids": frozenset(tables),
        "table_names": (),
        "late": False,
        "next": frozenset(),
    }
    return Booking(**(row | more))


def covered(plan: DayPlan) -> list[int]:
    """How many columns each row has, those that hang down from above counted."""
    widths = [0] * len(plan.rows)
    for top, row in enumerate(plan.rows):
        for cell in row.cells:
            for down in range(cell.down):
                widths[top + down] += cell.span
    return widths


def test_joined_tables_share_one_cell_and_distant_ones_have_two() -> None:
    joined = booked(at(20), 90, TABLES[1].id, TABLES[2].id, party=8)
    apart = booked(at(19), 60, TABLES[3].id, TABLES[4].id)
    plan = draw(evening(), TABLES, [joined, apart], PARIS, at(20, 20))
    cells = [(cell.span, cell.down) for row in plan.rows for cell in row.cells if cell.booking]
    assert cells == [(6, 2), (4, 1), (4, 1)]
    assert plan.now == 7
    assert [row.area for row in plan.rows] == ["Salle", "", "", "", "Terrasse", ""]
    assert [(each.guests, each.tone) for each in plan.arrivals if each.guests] == [
        (2, ""),
        (8, ""),
    ]


def test_a_slot_that_is_full_is_marked() -> None:
    parties = [booked(at(20), 90, TABLES[0].id, party=7), booked(at(20), 90, party=5)]
    plan = draw(evening(), TABLES, parties, PARIS, at(12))
    assert [(each.guests, each.tone) for each in plan.arrivals if each.guests] == [(12, "bad")]
    assert plan.now is None


@given(
    st.lists(
        st.tuples(
            st.integers(-90, 400), st.integers(1, 300), st.sets(st.integers(0, 5), max_size=3)
        ),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_every_row_is_as_wide_as_the_plan(parties: list[tuple[int, int, set[int]]]) -> None:
    """Even of bookings that the rules would never let overlap."""
    first = evening().first
    bookings = [
        booked(first + timedelta(minutes=ahead), minutes, *(TABLES[n].id for n in tables))
        for ahead, minutes, tables in parties
    ]
    plan = draw(evening(), TABLES, bookings, PARIS, at(20))
    assert covered(plan) == [plan.columns] * len(TABLES)
    assert sum(span for _, span in plan.hours) == plan.columns


def test_after_midnight_the_evening_is_still_on() -> None:
    late = replace(DINNER, last_seating=time(0, 30))
    for hour, day in ((1, DAY), (2, DAY + timedelta(days=1))):
        now = datetime(2026, 11, 28, hour, 15, tzinfo=PARIS).astimezone(UTC)
        assert current_day([late], PARIS, now) == day
