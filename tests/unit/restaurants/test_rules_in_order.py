"""The rules of an instant are told in the order in which they decide: what was asked and passed,
what decided, and what would have been said otherwise; the decision is always that of the call.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.opening import (
    Busy,
    BusyLevel,
    HolidayHours,
    Holidays,
    OpeningException,
    OpeningKind,
    OpeningWindow,
)
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.restaurants.decision import RuleType
from controlplane.restaurants.rules_in_order import Part, rules_in_order
from controlplane.restaurants.what_happens import Calendar, what_happens

pytestmark = pytest.mark.unit

PARIS = ZoneInfo("Europe/Paris")
EVE = OpeningException(
    date=date(2026, 12, 24), opens=time(11, 30), closes=time(14, 30), label="veille de Noël"
)
PAUSED = Busy(level=BusyLevel.PAUSED, until=datetime(2026, 12, 24, 23, tzinfo=UTC))
CALENDAR = Calendar(
    PARIS,
    week=tuple(
        OpeningWindow(kind=OpeningKind.PICKUP, weekday=day, opens=opens, closes=closes)
        for day in range(7)
        for opens, closes in ((time(11, 30), time(14, 30)), (time(18, 30), time(22, 30)))
    ),
    exceptions=(EVE,),
    holidays=Holidays(hours=HolidayHours.TO_CONFIRM),
)
EVENING = datetime(2026, 12, 24, 20, 15, tzinfo=PARIS)


def parts(calendar: Calendar, at: datetime) -> dict[RuleType, Part]:
    return {
        step.answer.rule.type if step.part is not Part.PASSES else min(step.types): step.part
        for step in rules_in_order(calendar, OpeningKind.PICKUP, at)
    }


def test_an_exception_decides_and_the_week_would_have_said_otherwise() -> None:
    steps = rules_in_order(CALENDAR, OpeningKind.PICKUP, EVENING)
    assert [step.part for step in steps] == ["passes", "passes", "decides", "skipped"]
    exception, week = steps[2:]
    assert (exception.label, exception.answer.open) == ("veille de Noël", False)
    assert exception.windows == ((time(11, 30), time(14, 30)),)
    assert week.answer.open
    assert week.answer.until == datetime(2026, 12, 24, 22, 30, tzinfo=PARIS)


def test_a_pause_decides_before_the_days_hours() -> None:
    at = datetime(2026, 12, 24, 12, tzinfo=PARIS)
    assert parts(replace(CALENDAR, busy=PAUSED), at) == {
        RuleType.STATUS: Part.PASSES,
        RuleType.BUSY: Part.DECIDES,
        RuleType.EXCEPTION: Part.SKIPPED,
        RuleType.WEEK: Part.SKIPPED,
    }


def test_an_unconfirmed_holiday_decides_before_the_week() -> None:
    at = datetime(2026, 12, 25, 12, tzinfo=PARIS)
    assert parts(CALENDAR, at)[RuleType.UNCONFIRMED] is Part.DECIDES
    assert parts(CALENDAR, at)[RuleType.WEEK] is Part.SKIPPED


@given(
    st.builds(
        Calendar,
        st.just(PARIS),
        st.sampled_from([CALENDAR.week, ()]),
        st.sampled_from([(), (EVE,)]),
        st.builds(Holidays, hours=st.sampled_from(HolidayHours)),
        st.sampled_from([Busy(), PAUSED]),
        st.sampled_from(RestaurantStatus),
    ),
    st.sampled_from(OpeningKind),
    st.integers(0, 24 * 12).map(
        lambda hours: datetime(2026, 12, 20, tzinfo=UTC) + timedelta(hours=hours)
    ),
)
def test_one_rule_decides_and_says_what_the_call_is_told(
    calendar: Calendar, kind: OpeningKind, at: datetime
) -> None:
    deciding = [step for step in rules_in_order(calendar, kind, at) if step.part is Part.DECIDES]
    assert [step.answer for step in deciding] == [what_happens(calendar, kind, at)]
