"""What happens at an instant, for each kind of opening: open until when, or refused by which rule
and possible again when.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.opening import (
    ORDER_KINDS,
    Busy,
    BusyLevel,
    HolidayHours,
    Holidays,
    OpeningException,
    OpeningKind,
    OpeningWindow,
)
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.restaurants.decision import Answer, RuleType
from controlplane.restaurants.errors import (
    Closed,
    HoursUnconfirmed,
    NotNow,
    NotTakingOrders,
    OrdersPaused,
)
from controlplane.restaurants.what_happens import Calendar, check_takes_orders, what_happens

pytestmark = pytest.mark.unit

PARIS = ZoneInfo("Europe/Paris")
ON_SITE, PICKUP, DELIVERY, RESERVATION, AI_ANSWERING = OpeningKind
FRIDAY, CHRISTMAS = date(2026, 11, 27), date(2026, 12, 25)
LUNCH, DINNER = (time(11, 30), time(14, 30)), (time(18, 30), time(0, 30))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=PARIS)


def week(kind: OpeningKind, *hours: tuple[time, time]) -> tuple[OpeningWindow, ...]:
    return tuple(
        OpeningWindow(kind=kind, weekday=day, opens=opens, closes=closes)
        for day in range(7)
        for opens, closes in hours
    )


def calendar(**changed: Any) -> Calendar:
    """Pick-up at lunch and at dinner; delivery at dinner; nothing else is said."""
    given = {"week": week(PICKUP, LUNCH, DINNER) + week(DELIVERY, DINNER)}
    return Calendar(PARIS, **(given | changed))


def asked(answer: Answer) -> tuple[bool, str, datetime | None]:
    return answer.open, answer.rule.id, answer.following.at


# --- Each kind has its hours ---------------------------------------------------------------------


def test_open_says_until_when_and_by_which_rule() -> None:
    answer = what_happens(calendar(), PICKUP, at(FRIDAY, 12))
    assert asked(answer) == (True, "week:pickup:friday", at(FRIDAY, 18, 30))
    assert answer.until == at(FRIDAY, 14, 30)
    assert answer.rule.sentence == (
        "Horaires du vendredi, vente à emporter\u00a0: de 11\u00a0h\u00a030 à 14\u00a0h\u00a030 et"
        " de 18\u00a0h\u00a030 à 0\u00a0h\u00a030."
    )
    assert answer.following.sentence == (
        "Possible à partir du vendredi 27\u00a0novembre 2026 à 18\u00a0h\u00a030."
    )


def test_kinds_have_hours_of_their_own() -> None:
    noon = at(FRIDAY, 12)
    assert asked(what_happens(calendar(), DELIVERY, noon)) == (
        False,
        "week:delivery:friday",
        at(FRIDAY, 18, 30),
    )
    assert asked(what_happens(calendar(), RESERVATION, noon)) == (
        False,
        "no_hours:reservation",
        None,
    )


def test_the_assistant_answers_around_the_clock_unless_it_is_told_when() -> None:
    night = at(FRIDAY, 4)
    always = what_happens(calendar(status=RestaurantStatus.PAUSED), AI_ANSWERING, night)
    assert (always.open, always.rule.id, always.until) == (True, "no_hours:ai_answering", None)
    evenings = calendar(week=week(AI_ANSWERING, DINNER))
    assert asked(what_happens(evenings, AI_ANSWERING, night)) == (
        False,
        "week:ai_answering:friday",
        at(FRIDAY, 18, 30),
    )


def test_after_midnight_an_order_is_of_the_evening_and_closed_it_is_of_the_day() -> None:
    saturday = FRIDAY + timedelta(1)
    late = what_happens(calendar(), PICKUP, at(saturday, 0, 29))
    assert (late.date, late.rule.id) == (FRIDAY, "week:pickup:friday")
    assert what_happens(calendar(), PICKUP, at(saturday, 0, 30)).date == saturday


def test_the_instant_may_be_told_in_any_zone() -> None:
    noon = at(FRIDAY, 12)
    assert what_happens(calendar(), PICKUP, noon.astimezone(UTC)) == what_happens(
        calendar(), PICKUP, noon
    )


# --- Exceptions and holidays ---------------------------------------------------------------------


def test_an_exception_may_last_and_be_of_one_kind_and_closes_no_telephone() -> None:
    august = date(2027, 8, 10)
    away = OpeningException(
        date=august, last_date=august + timedelta(10), label="Congés", spoken="Nous revenons vite."
    )
    scooter = OpeningException(date=FRIDAY, kinds=(DELIVERY,), label="Panne")
    closed = calendar(exceptions=(away, scooter))
    for day in (0, 10):
        answer = what_happens(closed, PICKUP, at(august + timedelta(day), 12))
        assert asked(answer) == (
            False,
            f"exception:pickup:{august + timedelta(day)}",
            at(august + timedelta(11), 11, 30),
        )
        assert (answer.exceptional, answer.spoken) == (True, "Nous revenons vite.")
        assert "(Congés)" in answer.rule.sentence
    assert what_happens(closed, PICKUP, at(august + timedelta(11), 12)).open
    assert what_happens(closed, AI_ANSWERING, at(august, 12)).open
    assert not what_happens(closed, DELIVERY, at(FRIDAY, 19)).open
    assert what_happens(closed, PICKUP, at(FRIDAY, 19)).open


def test_an_exception_s_hours_offer_nothing_that_the_week_does_not() -> None:
    eve = OpeningException(date=FRIDAY, opens=time(9), closes=time(10))
    assert not what_happens(calendar(exceptions=(eve,)), ON_SITE, at(FRIDAY, 9)).open
    named = eve.model_copy(update={"kinds": (ON_SITE,)})
    assert what_happens(calendar(exceptions=(named,)), ON_SITE, at(FRIDAY, 9)).open


def test_one_day_s_hours_count_within_a_longer_absence() -> None:
    away = OpeningException(date=FRIDAY, last_date=FRIDAY + timedelta(7))
    open_for_once = OpeningException(date=FRIDAY, opens=time(19), closes=time(21), label="Fête")
    answer = what_happens(calendar(exceptions=(away, open_for_once)), PICKUP, at(FRIDAY, 20))
    assert (answer.open, answer.until) == (True, at(FRIDAY, 21))
    assert "(Fête)" in answer.rule.sentence


@pytest.mark.parametrize(
    ("hours", "rule"),
    [
        (HolidayHours.AS_USUAL, "week:pickup:friday"),
        (HolidayHours.CLOSED, "holiday:2026-12-25"),
        (HolidayHours.TO_CONFIRM, "unconfirmed:2026-12-25"),
    ],
)
def test_a_public_holiday_is_as_the_restaurant_says(hours: HolidayHours, rule: str) -> None:
    answer = what_happens(calendar(holidays=Holidays(hours=hours)), PICKUP, at(CHRISTMAS, 12))
    assert (answer.open, answer.rule.id) == (hours is HolidayHours.AS_USUAL, rule)
    assert answer.exceptional is not answer.open
    assert ("Noël" in answer.rule.sentence) is not answer.open


def test_an_exception_confirms_a_holiday_s_hours_and_the_evening_before_ends_late() -> None:
    closed = Holidays(hours=HolidayHours.CLOSED)
    confirmed = OpeningException(date=CHRISTMAS, opens=time(12), closes=time(15))
    assert what_happens(
        calendar(holidays=closed, exceptions=(confirmed,)), PICKUP, at(CHRISTMAS, 14)
    ).open
    assert what_happens(calendar(holidays=closed), PICKUP, at(CHRISTMAS, 0, 15)).open


def test_saint_stephen_s_day_is_a_holiday_in_alsace_and_moselle_only() -> None:
    day = CHRISTMAS + timedelta(1)
    for alsace_moselle in (True, False):
        holidays = Holidays(hours=HolidayHours.CLOSED, alsace_moselle=alsace_moselle)
        answer = what_happens(calendar(holidays=holidays), PICKUP, at(day, 12))
        assert answer.open is not alsace_moselle


# --- Status and kitchen --------------------------------------------------------------------------


def test_a_pause_holds_up_orders_until_it_ends_and_no_reservation() -> None:
    paused = Busy(level=BusyLevel.PAUSED, until=at(FRIDAY, 20), by="Karim")
    both = calendar(busy=paused, week=week(PICKUP, LUNCH, DINNER) + week(RESERVATION, DINNER))
    answer = what_happens(both, PICKUP, at(FRIDAY, 19))
    assert asked(answer) == (False, "busy:paused", at(FRIDAY, 20))
    assert "(par Karim)" in answer.rule.sentence
    assert what_happens(both, PICKUP, at(FRIDAY, 20)).open
    assert what_happens(both, RESERVATION, at(FRIDAY, 19)).open


def test_a_pause_beyond_closing_ends_when_it_opens_again() -> None:
    paused = Busy(level=BusyLevel.PAUSED, until=at(FRIDAY, 15))
    assert what_happens(calendar(busy=paused), PICKUP, at(FRIDAY, 14)).following.at == at(
        FRIDAY, 18, 30
    )
    afternoon = what_happens(calendar(busy=paused), PICKUP, at(FRIDAY, 14, 45))
    assert afternoon.rule.type is RuleType.WEEK, "it would be closed without the pause"


def test_a_pause_without_an_end_promises_nothing() -> None:
    answer = what_happens(calendar(busy=Busy(level=BusyLevel.PAUSED)), PICKUP, at(FRIDAY, 15))
    assert asked(answer) == (False, "busy:paused", None)
    assert "message" in answer.following.sentence


def test_a_busy_kitchen_takes_longer_for_orders_and_not_for_tables() -> None:
    busy = Busy(level=BusyLevel.BUSY, delay_minutes=25, until=at(FRIDAY, 20))
    late = calendar(busy=busy, week=week(PICKUP, DINNER) + week(RESERVATION, DINNER))
    assert what_happens(late, PICKUP, at(FRIDAY, 19)).delay_minutes == 25
    assert what_happens(late, PICKUP, at(FRIDAY, 20)).delay_minutes == 0
    assert what_happens(late, RESERVATION, at(FRIDAY, 19)).delay_minutes == 0


@pytest.mark.parametrize(
    "busy", [{"level": "busy"}, {"level": "paused", "delay_minutes": 5}, {"delay_minutes": 241}]
)
def test_only_the_busy_are_late(busy: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="delay"):
        Busy.model_validate(busy)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"status": RestaurantStatus.PAUSED}, NotTakingOrders),
        ({"busy": Busy(level=BusyLevel.PAUSED)}, OrdersPaused),
        ({"holidays": Holidays(hours=HolidayHours.TO_CONFIRM)}, HoursUnconfirmed),
        ({"holidays": Holidays(hours=HolidayHours.CLOSED)}, Closed),
        ({"week": ()}, Closed),
    ],
)
def test_an_order_is_refused_by_the_rule_s_error(
    changed: dict[str, Any], refusal: type[NotNow]
) -> None:
    with pytest.raises(refusal) as refused:
        check_takes_orders(calendar(**changed), at(CHRISTMAS, 12))
    assert type(refused.value) is refusal
    expected = what_happens(calendar(**changed), PICKUP, at(CHRISTMAS, 12))
    assert (refused.value.rule, refused.value.following) == (expected.rule, expected.following)


# --- Any restaurant ------------------------------------------------------------------------------

TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 30]))
KINDS = st.sampled_from(OpeningKind)
DATES = st.dates(date(2026, 10, 22), date(2026, 11, 13)) | st.dates(
    date(2027, 3, 24), date(2027, 4, 7)
)
"""Around the days on which clocks change, Toussaint, 11 November and Easter 2027."""
WINDOWS = st.builds(
    lambda k, d, o, c: OpeningWindow(kind=k, weekday=d, opens=o, closes=c),
    KINDS,
    st.integers(0, 6),
    TIMES,
    TIMES,
)
EXCEPTIONS = st.builds(
    lambda day, days, hours, kinds: OpeningException(
        date=day,
        last_date=day + timedelta(days) if days else None,
        opens=hours[0] if hours else None,
        closes=hours[1] if hours else None,
        kinds=tuple(kinds),
    ),
    DATES,
    st.integers(0, 5),
    st.none() | st.tuples(TIMES, TIMES),
    st.sets(KINDS, max_size=2),
)
INSTANTS = st.builds(
    lambda day, minutes: at(day, 0).astimezone(UTC) + timedelta(minutes=minutes),
    DATES,
    st.integers(0, 1_439),
)
BUSY = st.just(Busy()) | st.builds(
    lambda until: Busy(level=BusyLevel.PAUSED, until=until), st.none() | INSTANTS
)
CALENDARS = st.builds(
    Calendar,
    st.sampled_from([PARIS, ZoneInfo("Indian/Reunion"), ZoneInfo("America/Martinique")]),
    st.lists(WINDOWS, max_size=20).map(tuple),
    st.lists(EXCEPTIONS, max_size=4).map(tuple),
    st.builds(Holidays, hours=st.sampled_from(HolidayHours), alsace_moselle=st.booleans()),
    BUSY,
    st.sampled_from([RestaurantStatus.LIVE] * 4 + list(RestaurantStatus)),
)


@given(CALENDARS, KINDS, INSTANTS)
def test_no_refusal_is_without_its_rule_and_the_next_possibility(
    calendar: Calendar, kind: OpeningKind, now: datetime
) -> None:
    """Where no instant is named, there is none within the horizon, or nobody has said when."""
    answer = what_happens(calendar, kind, now)
    assert answer.rule.id.startswith(f"{answer.rule.type}:")
    assert answer.rule.sentence.endswith(".")
    assert answer.following.sentence.endswith(".")
    if answer.open:
        return
    if (opens := answer.following.at) is not None:
        assert opens.astimezone(UTC) > now
        assert what_happens(calendar, kind, opens).open
    elif answer.rule.type not in (RuleType.STATUS, RuleType.BUSY):
        half_hours = (now + timedelta(minutes=30 * n) for n in range(0, 48 * 16, 3))
        assert not any(what_happens(calendar, kind, instant).open for instant in half_hours)


@given(CALENDARS, KINDS, INSTANTS)
def test_open_lasts_until_it_says_and_no_longer(
    calendar: Calendar, kind: OpeningKind, now: datetime
) -> None:
    answer = what_happens(calendar, kind, now)
    if not answer.open:
        assert answer.until is None
    elif answer.until is not None:
        last = answer.until.astimezone(UTC) - timedelta(seconds=1)
        assert answer.until.astimezone(UTC) > now
        assert _by_hours_alone(calendar, kind, last)
        assert not _by_hours_alone(calendar, kind, answer.until)


def _by_hours_alone(calendar: Calendar, kind: OpeningKind, now: datetime) -> bool:
    """Whether it would be open in a kitchen that never pauses."""
    unpaused = replace(calendar, busy=Busy())
    return what_happens(unpaused, kind, now).open


@given(CALENDARS, st.sampled_from(sorted(ORDER_KINDS)), INSTANTS)
def test_an_order_is_refused_exactly_when_it_is_not_open(
    calendar: Calendar, kind: OpeningKind, now: datetime
) -> None:
    expected = what_happens(calendar, kind, now)
    if expected.open:
        assert check_takes_orders(calendar, now, kind=kind) == expected
        return
    with pytest.raises(NotNow) as refused:
        check_takes_orders(calendar, now, kind=kind)
    assert refused.value.rule == expected.rule
    assert refused.value.following == expected.following
