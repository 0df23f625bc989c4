"""What a period's figures are made of: calls by hour, orders and cost by day, refusals, dishes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Date, Integer, and_, cast, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.models.call import Call, CallTurn
from controlplane.models.order import NEVER_MADE, Order, OrderLine
from controlplane.models.usage_record import UsageKind, UsageRecord
from webapp.analytics.period import Period
from webapp.calls.queries import day_bounds, is_missed

TOP_DISHES: Final = 10
OK: Final = "ok"


@dataclass(frozen=True, slots=True)
class CallsAt:
    """Calls of one bucket that began in one hour of the restaurant's clock. Those taken are neither
    missed nor transferred.
    """

    bucket: date
    hour: int
    calls: int
    missed: int
    transferred: int


@dataclass(frozen=True, slots=True)
class OrdersOn:
    """What was ordered, by service date or month, and for how many cents."""

    bucket: date
    orders: int
    by_phone: int
    cents: int


@dataclass(frozen=True, slots=True)
class CostOn:
    """What calls and SMS cost, in millionths of a euro."""

    bucket: date
    calls: int
    sms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How long callers waited for the assistant (ms), on how many days there were calls, and why
    calls led to nothing, by the words of what refused or ended them.
    """

    median_ms: int | None
    slowest_ms: int | None
    days: int
    abandoned: int
    unserved: int
    errors: int
    refusals: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class TopDish:
    """A dish by its name as it was sold, how often, and for how many cents."""

    name: str
    quantity: int
    cents: int


def _within(column: Any, first: date, last: date, zone: ZoneInfo) -> Any:
    return and_(column >= day_bounds(first, zone)[0], column < day_bounds(last, zone)[1])


def _in_both(column: Any, period: Period, zone: ZoneInfo) -> Any:
    """In the period, or in the one it is compared with."""
    spans = [(period.first, period.last), *filter(None, [period.before])]
    return or_(*(_within(column, first, last, zone) for first, last in spans))


def _bucket(day: Any, period: Period) -> Any:
    return cast(func.date_trunc("month", day), Date) if period.by_month else day


async def calls_at(
    session: AsyncSession, restaurant_id: UUID, period: Period, zone: ZoneInfo
) -> list[CallsAt]:
    """Return the calls of both periods, by bucket and hour."""
    local = func.timezone(zone.key, Call.started_at)
    hour = cast(func.extract("hour", local), Integer)
    bucket = _bucket(func.date(local), period)
    rows = await session.execute(
        select(
            bucket,
            hour,
            func.count(),
            func.count().filter(is_missed()),
            func.count().filter(Call.outcome == CallOutcome.TRANSFERRED),
        )
        .where(
            Call.restaurant_id == restaurant_id,
            _in_both(Call.started_at, period, zone),
        )
        .group_by(bucket, hour)
    )
    return [CallsAt(*row) for row in rows]


async def orders_on(session: AsyncSession, restaurant_id: UUID, period: Period) -> list[OrdersOn]:
    """Return what was ordered in both periods; what is never made does not count."""
    bucket, before = _bucket(Order.service_date, period), period.before
    rows = await session.execute(
        select(
            bucket,
            func.count(),
            func.count(Order.call_id),
            cast(func.sum(Order.total_cents), BigInteger),
        )
        .where(
            Order.restaurant_id == restaurant_id,
            or_(
                Order.service_date.between(period.first, period.last),
                Order.service_date.between(*before) if before else false(),
            ),
            Order.status.not_in(NEVER_MADE),
        )
        .group_by(bucket)
    )
    return [OrdersOn(*row) for row in rows]


async def cost_on(
    session: AsyncSession, restaurant_id: UUID, period: Period, zone: ZoneInfo
) -> list[CostOn]:
    """Return what was rated of both periods. Months narrow the search: the index has them."""
    bucket = _bucket(func.date(func.timezone(zone.key, UsageRecord.at)), period)
    first = (period.before or (period.first,))[0].replace(day=1)
    spent = func.sum(UsageRecord.micros)
    rows = await session.execute(
        select(
            bucket,
            cast(func.coalesce(spent.filter(UsageRecord.kind == UsageKind.CALL), 0), BigInteger),
            cast(func.coalesce(spent.filter(UsageRecord.kind == UsageKind.SMS), 0), BigInteger),
        )
        .where(
            UsageRecord.restaurant_id == restaurant_id,
            UsageRecord.month.between(first, period.last),
            _in_both(UsageRecord.at, period, zone),
        )
        .group_by(bucket)
    )
    return [CostOn(*row) for row in rows]


async def quality(
    session: AsyncSession, restaurant_id: UUID, period: Period, zone: ZoneInfo
) -> Quality:
    """Return how the calls of the period went."""
    local = func.timezone(zone.key, Call.started_at)
    waited = Call.time_to_agent_ms
    row = (
        await session.execute(
            select(
                cast(func.percentile_cont(0.5).within_group(waited), Integer),
                cast(func.percentile_cont(0.95).within_group(waited), Integer),
                func.count(func.date(local).distinct()),
                func.count().filter(Call.outcome == CallOutcome.ABANDONED),
                func.count().filter(Call.outcome == CallOutcome.UNSERVED),
                func.count().filter(Call.outcome == CallOutcome.ERROR),
                _refusals(restaurant_id, period, zone),
            ).where(
                Call.restaurant_id == restaurant_id,
                _within(Call.started_at, period.first, period.last, zone),
            )
        )
    ).one()
    median, slowest, days, abandoned, unserved, errors, refusals = row
    return Quality(
        median_ms=median,
        slowest_ms=slowest,
        days=days,
        abandoned=abandoned,
        unserved=unserved,
        errors=errors,
        refusals=sorted((refusals or {}).items(), key=lambda each: -each[1]),
    )


def _refusals(restaurant_id: UUID, period: Period, zone: ZoneInfo) -> Any:
    """What tools refused in how many calls that ended without an order, as JSON by code."""
    refused = (
        select(CallTurn.text.label("code"), func.count(CallTurn.call_id.distinct()).label("calls"))
        .join(Call, and_(Call.restaurant_id == restaurant_id, Call.id == CallTurn.call_id))
        .where(
            CallTurn.restaurant_id == restaurant_id,
            CallTurn.role == "tool",
            CallTurn.text.not_in([OK, ""]),
            Call.order_id.is_(None),
            _within(CallTurn.at, period.first, period.last, zone),
        )
        .group_by(CallTurn.text)
        .subquery()
    )
    return select(func.jsonb_object_agg(refused.c.code, refused.c.calls)).scalar_subquery()


async def top_dishes(session: AsyncSession, restaurant_id: UUID, period: Period) -> list[TopDish]:
    """Return what was sold most in the period."""
    sold = func.sum(OrderLine.quantity)
    rows = await session.execute(
        select(
            OrderLine.name,
            cast(sold, Integer),
            cast(func.sum(OrderLine.total_cents), BigInteger),
        )
        .join(Order, and_(Order.restaurant_id == restaurant_id, Order.id == OrderLine.order_id))
        .where(
            OrderLine.restaurant_id == restaurant_id,
            Order.service_date.between(period.first, period.last),
            Order.status.not_in(NEVER_MADE),
        )
        .group_by(OrderLine.name)
        .order_by(sold.desc(), OrderLine.name)
        .limit(TOP_DISHES)
    )
    return [TopDish(*row) for row in rows]
