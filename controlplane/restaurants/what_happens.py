"""What happens at an instant: open or closed, until when, when next, and the rule that decided.

One pure function for the live call, its transaction and the web's "Que dira l'IA ?". Rules decide
in this order: the restaurant's status, a pause of its kitchen, then the day's exception, public
holiday or week. A restaurant without hours of a kind does not offer it; its assistant answers
around the clock, whatever its status, unless it says when.

An order is taken from the minute the restaurant opens to the minute it closes: whoever takes one
then also prepares it. Before it opens nobody is there to see it, so none is taken ahead.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from controlplane.contracts.opening import (
    ORDER_KINDS,
    Busy,
    BusyLevel,
    Holidays,
    KitchenPace,
    OpeningException,
    OpeningKind,
    OpeningWindow,
    OpenOrder,
)
from controlplane.contracts.restaurant_config import RestaurantConfig, RestaurantStatus
from controlplane.restaurants.calendar_words import written_hours
from controlplane.restaurants.decision import Answer, Rule, RuleType
from controlplane.restaurants.errors import (
    Closed,
    HoursUnconfirmed,
    NotTakingOrders,
    OrdersPaused,
)
from controlplane.restaurants.kitchen_load import preparation_minutes
from controlplane.restaurants.opening import (
    AS_USUAL,
    Hours,
    exceptions_of,
    holiday_of,
    open_until,
    opening_at,
    week_of,
    windows_of,
)
from controlplane.restaurants.rules import (
    busy_rule,
    exception_rule,
    holiday_rule,
    next_at,
    no_hours_rule,
    status_rule,
    week_rule,
)

_ONLINE: Final = Busy()
_USUAL_PACE: Final = KitchenPace()
_ALWAYS: Final = tuple(
    OpeningWindow(kind=OpeningKind.AI_ANSWERING, weekday=day, opens=time(), closes=time())
    for day in range(7)
)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Everything that decides when a restaurant does what."""

    zone: ZoneInfo
    week: tuple[OpeningWindow, ...]
    exceptions: tuple[OpeningException, ...] = ()
    holidays: Holidays = AS_USUAL
    busy: Busy = _ONLINE
    status: RestaurantStatus = RestaurantStatus.LIVE
    kitchen: KitchenPace = _USUAL_PACE
    open_orders: tuple[OpenOrder, ...] = ()
    """What the kitchen has to make, as far as it was read."""

    def hours(self, kind: OpeningKind) -> Hours:
        """The hours of this kind. Who answers the telephone is no matter of holidays; what has no
        week is not offered on a day either, unless an exception names it.
        """
        week = tuple(window for window in self.week if window.kind is kind)
        if kind is OpeningKind.AI_ANSWERING:
            return Hours(self.zone, week or _ALWAYS, self.exceptions_for(kind))
        concerned = self.exceptions_for(kind)
        if not week:
            concerned = tuple(one for one in concerned if kind in one.kinds)
        return Hours(self.zone, week, concerned, self.holidays)

    def exceptions_for(self, kind: OpeningKind) -> tuple[OpeningException, ...]:
        return tuple(one for one in self.exceptions if one.concerns(kind))


def calendar_of(config: RestaurantConfig) -> Calendar:
    """The calendar as a worker knows it."""
    return Calendar(
        ZoneInfo(config.timezone),
        config.opening,
        config.opening_exceptions,
        config.holidays,
        config.busy,
        config.status,
        config.kitchen,
        config.open_orders,
    )


def what_happens(calendar: Calendar, kind: OpeningKind, at: datetime) -> Answer:
    """Say what the rules decide of `at`, an instant of any zone; a refusal says when it is possible
    next.
    """
    hours = calendar.hours(kind)
    answer = _by_hours(hours, kind, at.astimezone(calendar.zone))
    if kind is OpeningKind.AI_ANSWERING:
        return answer
    if calendar.status is not RestaurantStatus.LIVE:
        return _refused(answer, status_rule(calendar.status), None)
    if kind in ORDER_KINDS:
        return _by_kitchen(calendar, hours, answer)
    return answer


def check_takes_orders(
    calendar: Calendar, now: datetime, *, kind: OpeningKind = OpeningKind.PICKUP
) -> Answer:
    """Return what happens at `now`. Raises `NotTakingOrders`, `OrdersPaused`, `HoursUnconfirmed`
    or `Closed`, each with its rule and the next possibility.
    """
    check_live(calendar.status)
    answer = what_happens(calendar, kind, now)
    if answer.open:
        return answer
    match answer.rule.type:
        case RuleType.BUSY:
            raise OrdersPaused(answer)
        case RuleType.UNCONFIRMED:
            raise HoursUnconfirmed(answer)
        case _:
            raise Closed(answer)


def check_live(status: RestaurantStatus) -> None:
    """Raise `NotTakingOrders` unless the restaurant is open for business."""
    if status is not RestaurantStatus.LIVE:
        raise NotTakingOrders(status)


def _by_hours(hours: Hours, kind: OpeningKind, at: datetime) -> Answer:
    opening = opening_at(hours, at)
    service = opening.service
    day = service.date if service else at.date()
    exceptions = exceptions_of(hours, day)
    return Answer(
        kind=kind,
        at=at,
        open=service is not None,
        until=open_until(hours, service) if service else None,
        following=next_at(opening.following.opens if opening.following else None),
        rule=_day_rule(hours, kind, day),
        date=day,
        exceptional=_exceptional(hours, at.date()),
        spoken=next((one.spoken for one in exceptions if one.spoken), ""),
    )


def _by_kitchen(calendar: Calendar, hours: Hours, answer: Answer) -> Answer:
    busy = calendar.busy
    level = busy.level_at(answer.at)
    if level is BusyLevel.PAUSED:
        until = busy.until.astimezone(hours.zone) if busy.until else None
        resumes = _first_open(hours, until) if until else None
        if answer.open or resumes is None or _later(resumes, answer.following.at):
            return _refused(answer, busy_rule(busy, until), resumes)
    delay = busy.delay_minutes if level is BusyLevel.BUSY else 0
    minutes = delay + preparation_minutes(calendar.kitchen, calendar.open_orders, answer.at)
    return replace(answer, delay_minutes=delay, preparation_minutes=minutes)


def _refused(answer: Answer, rule: Rule, possible: datetime | None) -> Answer:
    """The same instant, which this rule decides instead of the hours."""
    following = next_at(possible)
    return replace(answer, open=False, until=None, rule=rule, following=following, spoken="")


def _first_open(hours: Hours, at: datetime) -> datetime | None:
    opening = opening_at(hours, at)
    if opening.service is not None:
        return at
    return opening.following.opens if opening.following else None


def _later(one: datetime, other: datetime | None) -> bool:
    return other is None or one.astimezone(UTC) > other.astimezone(UTC)


def _exceptional(hours: Hours, day: date) -> bool:
    return bool(exceptions_of(hours, day)) or holiday_of(hours, day) is not None


def _day_rule(hours: Hours, kind: OpeningKind, day: date) -> Rule:
    """The rule that decides of this date's hours."""
    if exceptions := exceptions_of(hours, day):
        return exception_rule(exceptions, kind, day, written_hours(windows_of(hours, day)))
    if not hours.week or hours.week is _ALWAYS:
        return no_hours_rule(kind)
    if holiday := holiday_of(hours, day):
        return holiday_rule(holiday, hours.holidays.hours, day)
    return week_rule(week_of(hours, day), kind, day)
