"""A period's figures, put together from what the queries found. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from webapp.analytics.period import Period
from webapp.analytics.queries import CallsAt, CostOn, OrdersOn, Quality, TopDish


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a period came to. Money is in cents, `micros` in millionths of a euro."""

    calls: int = 0
    missed: int = 0
    transferred: int = 0
    orders: int = 0
    by_phone: int = 0
    cents: int = 0
    micros: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """What a day or a month came to."""

    begins: date
    totals: Totals
    call_micros: int
    sms_micros: int


@dataclass(frozen=True, slots=True)
class Hour:
    """Calls that began in an hour of the clock, a day on average."""

    hour: int
    taken: float
    transferred: float
    missed: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of a period. `before` is None where it is compared with none."""

    period: Period
    now: Totals
    before: Totals | None
    buckets: Sequence[Bucket]
    hours: Sequence[Hour]
    quality: Quality
    dishes: Sequence[TopDish]


def figures(
    period: Period,
    calls: Sequence[CallsAt],
    orders: Sequence[OrdersOn],
    costs: Sequence[CostOn],
    quality: Quality,
    dishes: Sequence[TopDish],
) -> Figures:
    """Put the figures together."""
    days = period.buckets()
    return Figures(
        period=period,
        now=_totals(set(days), calls, orders, costs),
        before=_before(period, calls, orders, costs),
        buckets=[_bucket(day, calls, orders, costs) for day in days],
        hours=_hours(set(days), calls, max(1, quality.days)),
        quality=quality,
        dishes=dishes,
    )


def _before(
    period: Period, calls: Iterable[CallsAt], orders: Iterable[OrdersOn], costs: Iterable[CostOn]
) -> Totals | None:
    if period.before is None:
        return None
    first, last = period.before
    days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
    return _totals(days, calls, orders, costs)


def _totals(
    days: set[date], calls: Iterable[CallsAt], orders: Iterable[OrdersOn], costs: Iterable[CostOn]
) -> Totals:
    calls = [each for each in calls if each.bucket in days]
    orders = [each for each in orders if each.bucket in days]
    return Totals(
        calls=sum(each.calls for each in calls),
        missed=sum(each.missed for each in calls),
        transferred=sum(each.transferred for each in calls),
        orders=sum(each.orders for each in orders),
        by_phone=sum(each.by_phone for each in orders),
        cents=sum(each.cents for each in orders),
        micros=sum(each.calls + each.sms for each in costs if each.bucket in days),
    )


def _bucket(
    day: date, calls: Sequence[CallsAt], orders: Sequence[OrdersOn], costs: Sequence[CostOn]
) -> Bucket:
    cost = next((each for each in costs if each.bucket == day), CostOn(day, 0, 0))
    return Bucket(
        begins=day,
        totals=_totals({day}, calls, orders, costs),
        call_micros=cost.calls,
        sms_micros=cost.sms,
    )


def _hours(days: set[date], calls: Sequence[CallsAt], open_days: int) -> list[Hour]:
    """Fill the hours between the first and the last that had calls."""
    mine = [each for each in calls if each.bucket in days]
    if not mine:
        return []
    hours = range(min(each.hour for each in mine), max(each.hour for each in mine) + 1)
    return [_hour(hour, [each for each in mine if each.hour == hour], open_days) for hour in hours]


def _hour(hour: int, calls: Sequence[CallsAt], days: int) -> Hour:
    missed = sum(each.missed for each in calls)
    transferred = sum(each.transferred for each in calls)
    taken = sum(each.calls for each in calls) - missed - transferred
    return Hour(hour, taken / days, transferred / days, missed / days)
