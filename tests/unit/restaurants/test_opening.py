"""Whether a restaurant is open: several windows, past midnight, exceptions, clocks that change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.opening import OpeningException, OpeningWindow
from controlplane.restaurants.opening import Hours, Service, opening_at

pytestmark = pytest.mark.unit

PARIS = ZoneInfo("Europe/Paris")
FRIDAY = date(2026, 11, 27)
LUNCH, DINNER = (time(11, 30), time(14, 30)), (time(18, 30), time(22))
LATE = (time(18), time(0, 30))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS)


def window(weekday: int, opens: time, closes: time) -> OpeningWindow:
    return OpeningWindow(weekday=weekday, opens=opens, closes=closes)


def every_day(*windows: tuple[time, time], exceptions: tuple[OpeningException, ...] = ()) -> Hours:
    week = tuple(window(day, *hours) for day in range(7) for hours in windows)
    return Hours(PARIS, week, exceptions)


def service(hours: Hours, now: datetime) -> Service:
    found = opening_at(hours, now).service
    assert found is not None
    return found


TWICE_A_DAY = every_day(LUNCH, DINNER)
PAST_MIDNIGHT = every_day(LATE)


@pytest.mark.parametrize(
    ("hour", "minute", "closes"),
    [
        (11, 29, None),
        (11, 30, time(14, 30)),
        (14, 29, time(14, 30)),
        (14, 30, None),
        (18, 29, None),
        (18, 30, time(22)),
        (21, 59, time(22)),
        (22, 0, None),
    ],
)
def test_several_windows_a_day_open_on_the_minute(
    hour: int, minute: int, closes: time | None
) -> None:
    found = opening_at(TWICE_A_DAY, at(FRIDAY, hour, minute)).service
    assert (found and found.closes.time()) == closes


def test_after_midnight_it_is_still_the_evening_s_service() -> None:
    saturday = FRIDAY + timedelta(1)
    assert service(PAST_MIDNIGHT, at(saturday, 0, 29)).date == FRIDAY
    assert opening_at(PAST_MIDNIGHT, at(saturday, 0, 30)).service is None


def test_an_exception_stands_for_all_windows_of_its_date_and_no_other() -> None:
    """Closed on the day; the evening before still goes on past midnight."""
    christmas = date(2026, 12, 25)
    hours = every_day(LUNCH, LATE, exceptions=(OpeningException(date=christmas),))
    assert service(hours, at(christmas, 0, 15)).date == christmas - timedelta(1)
    opening = opening_at(hours, at(christmas, 19))
    assert opening.service is None
    assert opening.following is not None
    assert opening.following.opens == at(christmas + timedelta(1), 11, 30)


def test_special_hours_may_be_several_and_go_past_midnight() -> None:
    eve = date(2026, 12, 31)
    special = tuple(
        OpeningException(date=eve, opens=opens, closes=closes)
        for opens, closes in ((time(12), time(13)), (time(19), time(3)))
    )
    hours = every_day(LUNCH, exceptions=special)
    new_year = eve + timedelta(1)
    assert opening_at(hours, at(eve, 11, 45)).service is None
    assert service(hours, at(eve, 12)).closes == at(eve, 13)
    assert service(hours, at(new_year, 2, 59)).date == eve
    assert opening_at(hours, at(new_year, 3)).service is None


def test_no_hours_are_never_open() -> None:
    opening = opening_at(Hours(PARIS, ()), at(FRIDAY, 12))
    assert (opening.service, opening.following) == (None, None)


def test_an_hour_that_comes_twice_ends_the_service_the_first_time() -> None:
    """25 October 2026: 03:00 summer time is 02:00 winter time."""
    night = every_day((time(20), time(2, 30)))
    closes = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert opening_at(night, closes - timedelta(seconds=1)).service is not None
    assert opening_at(night, closes).service is None
    assert opening_at(night, closes + timedelta(hours=1)).service is None, "02:30 once more"


def test_an_hour_that_does_not_come_is_the_one_the_clock_shows_instead() -> None:
    """29 March 2026: 02:00 winter time is 03:00 summer time."""
    night = every_day((time(20), time(2, 30)))
    closes = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert closes.astimezone(PARIS).time() == time(3, 30)
    assert opening_at(night, closes - timedelta(seconds=1)).service is not None
    assert opening_at(night, closes).service is None
    gone = every_day((time(2, 30), time(3)))
    opening = opening_at(gone, datetime(2026, 3, 29, 1, 15, tzinfo=UTC))
    assert opening.service is None, "it has no length that night"


# --- Any week ------------------------------------------------------------------------------------

ZONES = st.sampled_from(
    [
        PARIS,
        ZoneInfo("America/Cayenne"),
        ZoneInfo("Indian/Reunion"),
        ZoneInfo("Australia/Lord_Howe"),
    ]
)
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
WEEKS = st.lists(st.builds(window, st.integers(0, 6), TIMES, TIMES), max_size=12).map(tuple)
DATES = st.dates(date(2026, 10, 20), date(2026, 10, 30)) | st.dates(
    date(2026, 3, 26), date(2026, 4, 7)
)
EXCEPTIONS = st.lists(
    st.builds(lambda day: OpeningException(date=day), DATES)
    | st.builds(lambda d, o, c: OpeningException(date=d, opens=o, closes=c), DATES, TIMES, TIMES),
    max_size=4,
).map(tuple)
HOURS = st.builds(Hours, ZONES, WEEKS, EXCEPTIONS)
INSTANTS = st.builds(
    lambda day, minutes: (
        datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    DATES,
    st.integers(0, 1_439),
)


def by_the_clock_on_the_wall(hours: Hours, now: datetime) -> bool:
    """The same, as a person with the sheet of hours and a clock would say it."""
    wall = now.astimezone(hours.zone)
    today, yesterday = wall.date(), wall.date() - timedelta(1)

    def written(day: date) -> list[tuple[time, time]]:
        special = [e for e in hours.exceptions if e.date == day]
        if special:
            return [(e.opens, e.closes) for e in special if e.opens and e.closes]
        return [(w.opens, w.closes) for w in hours.week if w.weekday == day.weekday()]

    clock = wall.time()
    return any(
        opens <= clock and (clock < closes or closes <= opens) for opens, closes in written(today)
    ) or any(closes <= opens and clock < closes for opens, closes in written(yesterday))


def clocks_change_near(zone: ZoneInfo, now: datetime) -> bool:
    day = timedelta(days=1)
    offsets = {(now + n * day).astimezone(zone).utcoffset() for n in (-2, -1, 0, 1, 2)}
    return len(offsets) > 1


@given(HOURS, INSTANTS)
def test_it_is_open_when_the_clock_on_the_wall_says_so(hours: Hours, now: datetime) -> None:
    if not clocks_change_near(hours.zone, now):
        is_open = opening_at(hours, now).service is not None
        assert is_open == by_the_clock_on_the_wall(hours, now)


@given(HOURS, INSTANTS)
def test_a_service_holds_its_instant_and_ends_when_it_says(hours: Hours, now: datetime) -> None:
    service = opening_at(hours, now).service
    if service is not None:
        assert service.opens <= now < service.closes
        assert service.opens.astimezone(hours.zone).date() - service.date in {
            timedelta(),
            timedelta(1),  # a midnight that the clock leaves out
        }
        last = service.closes - timedelta(seconds=1)
        assert opening_at(hours, last).service is not None


@given(HOURS, INSTANTS, st.floats(0, 0.999))
def test_what_opens_next_is_open_then_and_nothing_is_before(
    hours: Hours, now: datetime, part: float
) -> None:
    opening = opening_at(hours, now)
    if opening.following is None:
        return
    assert opening.following.opens > now
    assert opening_at(hours, opening.following.opens).service is not None
    if opening.service is None:
        between = now + part * (opening.following.opens - now)
        assert opening_at(hours, between).service is None


@given(ZONES, INSTANTS)
def test_around_the_clock_is_always_open(zone: ZoneInfo, now: datetime) -> None:
    week = tuple(window(day, time(0), time(0)) for day in range(7))
    service = opening_at(Hours(zone, week), now).service
    assert service is not None
    assert service.date == now.astimezone(zone).date()


def test_the_hour_that_comes_twice_is_told_apart_in_the_restaurant_s_own_zone() -> None:
    """It closes at 02:45 as the clock shows it first: half an hour after that is 02:15 again."""
    hours = every_day((time(18), time(2, 45)))
    again = datetime(2026, 10, 25, 2, 15, tzinfo=PARIS, fold=1)
    assert opening_at(hours, again).service is None
    assert opening_at(hours, again.astimezone(UTC)) == opening_at(hours, again)
