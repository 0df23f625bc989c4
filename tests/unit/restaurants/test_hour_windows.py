"""Windows that overlap are found wherever in the week they are, and none that only touch."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.opening import OpeningKind
from controlplane.models.pacing import PacingRule
from controlplane.restaurants.hour_windows import Window, check_days, check_week, length
from controlplane.restaurants.setup_errors import HoursOverlap
from controlplane.restaurants.slots import binds

pytestmark = pytest.mark.unit

NOON, TWO, SIX, MIDNIGHT, ONE_AM = time(12), time(14), time(18), time(0), time(1)
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)

times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
weeks = st.dictionaries(
    st.integers(0, 6), st.lists(st.tuples(times, times), max_size=3), max_size=7
)


def minutes_open(week: dict[int, list[Window]]) -> list[int]:
    """Every minute of the week in which each window is open, counted from Monday's midnight."""
    return [
        (day * 1440 + opens.hour * 60 + opens.minute + minute) % (7 * 1440)
        for day, windows in week.items()
        for opens, closes in windows
        for minute in range(int(length((opens, closes)) / timedelta(minutes=1)))
    ]


@given(weeks)
def test_a_week_is_refused_when_and_only_when_a_minute_is_open_twice(
    week: dict[int, list[Window]],
) -> None:
    minutes = minutes_open(week)
    if len(minutes) == len(set(minutes)):
        check_week(week)
    else:
        with pytest.raises(HoursOverlap):
            check_week(week)


def test_a_night_that_reaches_into_the_next_morning_is_named() -> None:
    with pytest.raises(HoursOverlap) as refused:
        check_week({6: [(SIX, ONE_AM)], 0: [(MIDNIGHT, TWO)]})
    assert refused.value.windows == ("sunday 18:00-01:00", "monday 00:00-14:00")
    check_week({6: [(SIX, MIDNIGHT)], 0: [(MIDNIGHT, TWO)]})


def test_the_windows_of_an_exception_meet_themselves_on_the_next_of_its_days() -> None:
    windows = [(SIX, NOON), (time(11), TWO)]
    check_days([(SIX, NOON)], days=5)
    with pytest.raises(HoursOverlap):
        check_days(windows, days=5)
    check_days(windows, days=1)


def rule(*weekdays: int, window: Window | None = None) -> PacingRule:
    opens, closes = window or (None, None)
    return PacingRule(
        kinds=[OpeningKind.PICKUP], weekdays=list(weekdays), opens=opens, closes=closes
    )


@pytest.mark.parametrize(
    ("hours", "paced", "days", "window"),
    [
        (3, True, [], None),
        (3, True, [0], None),
        (27, False, [0], None),
        (12, True, [0], (NOON, TWO)),
        (14, False, [0], (NOON, TWO)),
        (23, True, [0], (SIX, ONE_AM)),
        (24, True, [0], (SIX, ONE_AM)),  # it is Tuesday, and still Monday's evening
        (25, False, [0], (SIX, ONE_AM)),
        (0, False, [0], (SIX, ONE_AM)),  # it is still Sunday's
        (0, True, [6], (SIX, ONE_AM)),
    ],
)
def test_a_pacing_rule_binds_on_its_days_and_hours(
    hours: int, *, paced: bool, days: list[int], window: Window | None
) -> None:
    assert binds(rule(*days, window=window), MONDAY + timedelta(hours=hours)) is paced
