"""What the first page of the day shows, in as few questions as that takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.call import Call
from controlplane.models.device import Device
from controlplane.models.dining_table import DiningTable
from controlplane.models.escalation_step import EscalationStep
from controlplane.models.faq_gap import FaqGap, GapStatus
from controlplane.models.menu import MenuItem
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.order import NEVER_MADE, Order, OrderStatus
from controlplane.models.reservation import Reservation, ReservationStatus
from controlplane.models.restaurant_prompt import RestaurantPrompt
from controlplane.models.table_assignment import TableAssignment
from controlplane.models.task import WAITING, Task
from controlplane.models.transfer_target import TransferTarget
from controlplane.models.usage_record import UsageKind, UsageRecord
from controlplane.models.voice_message import VoiceMessage
from webapp.calls.queries import day_bounds, is_live, is_missed

WEEKS: Final = 4
"""As many of the same weekday make what is usual on it."""
TABLES_SHOWN: Final = 6
LATE_SHOWN_FOR: Final = timedelta(hours=1)
"""A party that is later than this does not come."""
AHEAD: Final = timedelta(hours=6)
_COMING: Final = (ReservationStatus.CONFIRMED, ReservationStatus.RECONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """A call in progress."""

    id: UUID
    number: str | None
    name: str | None
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The day so far. Money is in cents, `micros` in millionths of a euro."""

    calls: int
    usual: float
    """So many there are by this time on the same weekday."""
    missed: int
    last_missed_at: datetime | None
    orders: int
    revenue_cents: int
    expired: int
    """Orders that nobody took, whose customers are still to be called."""
    untaken: int
    oldest_untaken: int | None
    oldest_untaken_at: datetime | None
    bookings: int
    covers: int
    micros: int
    messages: int
    gaps: int
    top_gap: str | None
    live: Sequence[LiveCall]
    line_code: int | None
    has_hours: bool
    dishes: int
    undeclared: int
    has_greeting: bool
    has_people: bool
    has_ladder: bool
    has_tablet: bool
    ever_ordered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NextTable:
    """A party that is expected; `tables` are their names."""

    id: UUID
    name: str | None
    party: int
    starts_at: datetime
    tables: str | None
    note: str
    has_allergy: bool


@dataclass(frozen=True, slots=True)
class HourOfCalls:
    """Calls that began in an hour of the restaurant's clock: today's, and as many as are usual."""

    hour: int
    today: int
    usual: float


async def read_today(
    session: AsyncSession, restaurant_id: UUID, now: datetime, zone: ZoneInfo
) -> Today:
    """Count what the day brought by `now`, an instant in the zone, and see what is set up."""
    day = now.date()
    begins, ends = day_bounds(day, zone)
    of_day = and_(Call.started_at >= begins, Call.started_at < ends)
    counted: dict[str, Any] = {
        "calls": _count(restaurant_id, Call, of_day),
        "missed": _count(restaurant_id, Call, of_day, is_missed()),
        "last_missed_at": _one(restaurant_id, Call, func.max(Call.started_at), of_day, is_missed()),
        **_usual(restaurant_id, now, zone),
        **_orders(restaurant_id, day),
        **_bookings(restaurant_id, day),
        "micros": func.coalesce(
            _one(
                restaurant_id,
                UsageRecord,
                cast(func.sum(UsageRecord.micros), BigInteger),
                UsageRecord.kind != UsageKind.NUMBER,
                UsageRecord.at >= begins,
                UsageRecord.at < ends,
                UsageRecord.month == day.replace(day=1),
            ),
            0,
        ),
        "messages": _count(restaurant_id, VoiceMessage, VoiceMessage.heard_at.is_(None)),
        "gaps": _count(restaurant_id, FaqGap, FaqGap.status == GapStatus.OPEN),
        "top_gap": select(FaqGap.question)
        .where(FaqGap.restaurant_id == restaurant_id, FaqGap.status == GapStatus.OPEN)
        .order_by(FaqGap.times.desc(), FaqGap.last_asked_at.desc())
        .limit(1)
        .scalar_subquery(),
        "live": _live(restaurant_id),
        "line_code": literal_column("(SELECT last_sip_code FROM line_of_restaurant())"),
        **_set_up(restaurant_id),
    }
    query = select(*(column.label(name) for name, column in counted.items()))
    row = dict((await session.execute(query)).mappings().one())
    by_now, days = row.pop("usual_by_now"), row.pop("usual_days")
    row["usual"] = by_now / days if days else 0.0
    return Today(**row | {"live": [_live_call(told) for told in row["live"] or ()]})


def _usual(restaurant_id: UUID, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Calls of the same weekday of the weeks before, by the same time of the clock; and on how many
    of those days there were calls at all.
    """
    before = [now - timedelta(weeks=back) for back in range(1, WEEKS + 1)]
    begun = [day_bounds(at.date(), zone) for at in before]
    by_now = [
        Call.started_at.between(begins, at) for (begins, _), at in zip(begun, before, strict=True)
    ]
    of_days = [and_(Call.started_at >= begins, Call.started_at < ends) for begins, ends in begun]
    dates = func.count(func.date(func.timezone(zone.key, Call.started_at)).distinct())
    return {
        "usual_by_now": _count(restaurant_id, Call, or_(*by_now)),
        "usual_days": _one(restaurant_id, Call, dates, or_(*of_days)),
    }


def _orders(restaurant_id: UUID, day: date) -> dict[str, Any]:
    """An order that is never made counts as none. Who waits is called whatever the day is."""
    of_day = Order.service_date == day
    made = and_(of_day, Order.status.not_in(NEVER_MADE))
    waits = Order.status == OrderStatus.PLACED
    return {
        "orders": _count(restaurant_id, Order, made),
        "revenue_cents": func.coalesce(
            _one(restaurant_id, Order, func.sum(Order.total_cents), made), 0
        ),
        "expired": select(func.count(Task.id))
        .join(Order, and_(Order.restaurant_id == restaurant_id, Order.id == Task.order_id))
        .where(
            Task.restaurant_id == restaurant_id,
            Task.status.in_(WAITING),
            Order.status == OrderStatus.EXPIRED,
        )
        .scalar_subquery(),
        "untaken": _count(restaurant_id, Order, waits),
        "oldest_untaken": select(Order.number)
        .where(Order.restaurant_id == restaurant_id, waits)
        .order_by(Order.id)
        .limit(1)
        .scalar_subquery(),
        "oldest_untaken_at": _one(restaurant_id, Order, func.min(Order.created_at), waits),
    }


def _bookings(restaurant_id: UUID, day: date) -> dict[str, Any]:
    expected = and_(
        Reservation.shift_date == day,
        Reservation.status.in_([*_COMING, ReservationStatus.ARRIVED, ReservationStatus.SEATED]),
    )
    return {
        "bookings": _count(restaurant_id, Reservation, expected),
        "covers": func.coalesce(
            _one(restaurant_id, Reservation, func.sum(Reservation.party), expected), 0
        ),
    }


def _set_up(restaurant_id: UUID) -> dict[str, Any]:
    sold = MenuItem.active.is_(True)
    return {
        "has_hours": _any(restaurant_id, OpeningRule),
        "dishes": _count(restaurant_id, MenuItem, sold),
        "undeclared": _count(restaurant_id, MenuItem, sold, MenuItem.allergens.is_(None)),
        "has_greeting": _any(restaurant_id, RestaurantPrompt, RestaurantPrompt.kind == "greeting"),
        "has_people": _any(restaurant_id, TransferTarget),
        "has_ladder": _any(restaurant_id, EscalationStep),
        "has_tablet": _any(
            restaurant_id, Device, Device.paired_at.is_not(None), Device.revoked_at.is_(None)
        ),
        "ever_ordered": _any(restaurant_id, Order),
    }


def _one(restaurant_id: UUID, table: Any, column: Any, *where: ColumnElement[bool]) -> Any:
    mine = table.restaurant_id == restaurant_id
    return select(column).select_from(table).where(mine, *where).scalar_subquery()


def _count(restaurant_id: UUID, table: Any, *where: ColumnElement[bool]) -> Any:
    return _one(restaurant_id, table, func.count(), *where)


def _any(restaurant_id: UUID, table: Any, *where: ColumnElement[bool]) -> Any:
    found = (
        select(literal(1)).select_from(table).where(table.restaurant_id == restaurant_id, *where)
    )
    return found.exists()


async def calls_by_hour(
    session: AsyncSession, restaurant_id: UUID, day: date, zone: ZoneInfo
) -> list[HourOfCalls]:
    """Return the hours of the clock that had calls today or on the same weekday of the four weeks
    before; what is usual is the mean of those of them that had calls at all.
    """
    days = [day - timedelta(weeks=back) for back in range(WEEKS + 1)]
    begins, ends = day_bounds(days[-1], zone)[0], day_bounds(day, zone)[1]
    local = func.timezone(zone.key, Call.started_at)
    rows = await session.execute(
        select(func.date(local), func.extract("hour", local), func.count())
        .where(
            Call.restaurant_id == restaurant_id,
            Call.started_at >= begins,
            Call.started_at < ends,
            func.date(local).in_(days),
        )
        .group_by(func.date(local), func.extract("hour", local))
    )
    counted: dict[tuple[date, int], int] = {(on, int(hour)): n for on, hour, n in rows}
    before = {on for on, _ in counted if on != day}
    hours = sorted({hour for _, hour in counted})
    return [
        HourOfCalls(
            hour,
            counted.get((day, hour), 0),
            sum(counted.get((on, hour), 0) for on in before) / max(1, len(before)),
        )
        for hour in hours
    ]


def _live(restaurant_id: UUID) -> Any:
    """The calls in progress, the longest first, as JSON: a question less for a page with many."""
    call = func.jsonb_build_object(
        "id",
        Call.id,
        "number",
        Call.caller_number,
        "name",
        Order.customer_name,
        "started_at",
        Call.started_at,
    )
    return (
        select(func.jsonb_agg(aggregate_order_by(call, Call.started_at)))
        .select_from(Call)
        .outerjoin(Order, and_(Order.restaurant_id == restaurant_id, Order.id == Call.order_id))
        .where(Call.restaurant_id == restaurant_id, is_live())
        .scalar_subquery()
    )


async def live_calls(session: AsyncSession, restaurant_id: UUID) -> list[LiveCall]:
    """Return the calls in progress, the longest first."""
    told = await session.scalar(select(_live(restaurant_id)))
    return [_live_call(each) for each in told or ()]


def _live_call(told: dict[str, Any]) -> LiveCall:
    at = datetime.fromisoformat(told["started_at"])
    return LiveCall(id=UUID(told["id"]), number=told["number"], name=told["name"], started_at=at)


async def next_tables(
    session: AsyncSession, restaurant_id: UUID, now: datetime
) -> Sequence[NextTable]:
    """Return the parties that are due or late, the first due first."""
    tables = (
        select(func.string_agg(DiningTable.name, literal(", ")))
        .select_from(TableAssignment)
        .join(DiningTable, DiningTable.id == TableAssignment.table_id)
        .where(
            TableAssignment.restaurant_id == Reservation.restaurant_id,
            DiningTable.restaurant_id == Reservation.restaurant_id,
            TableAssignment.reservation_id == Reservation.id,
            TableAssignment.active,
        )
        .correlate(Reservation)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(
            Reservation.id.label("id"),
            Reservation.customer_name.label("name"),
            Reservation.party.label("party"),
            Reservation.starts_at.label("starts_at"),
            tables.label("tables"),
            Reservation.note.label("note"),
            (Reservation.allergy_note != "").label("has_allergy"),
        )
        .where(
            Reservation.restaurant_id == restaurant_id,
            Reservation.status.in_(_COMING),
            Reservation.starts_at.between(now - LATE_SHOWN_FOR, now + AHEAD),
        )
        .order_by(Reservation.starts_at, Reservation.id)
        .limit(TABLES_SHOWN)
    )
    return [NextTable(**row) for row in rows.mappings()]
