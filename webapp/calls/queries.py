"""What Postgres knows of a restaurant's calls: the list, its counts, and one call whole."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Label,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.models.call import Call, CallTurn
from controlplane.models.call_case import CallCase
from controlplane.models.order import Order, OrderLine
from controlplane.models.reservation import Reservation
from controlplane.models.usage_record import UsageKind, UsageRecord
from controlplane.models.voice_message import VoiceMessage
from controlplane.restaurants.erase_caller import LONGEST_CALL

PAGE: Final = 25
"""So many calls a page: two screens of a telephone."""


class Result(StrEnum):
    """What came of a call, as its people ask about it."""

    LIVE = "live"
    ORDER = "order"
    BOOKING = "booking"
    TRANSFERRED = "transferred"
    MESSAGE = "message"
    INFORMATION = "information"
    MISSED = "missed"
    ERROR = "error"
    UNKNOWN = "unknown"
    """It began long ago, and its end was never recorded."""


class Filter(StrEnum):
    """The tabs of the list, as its URL names them."""

    ALL = ""
    LIVE = "live"
    MISSED = "missed"
    TRANSFERRED = "transferred"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the list is asked for. `day` is one of the restaurant's own; `after`: the last call of
    the page before.
    """

    filter: Filter = Filter.ALL
    day: date | None = None
    words: str = ""
    after: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCall:
    """One row of the list. `started_at` is in UTC; `micros` are millionths of a euro, None until
    the call is rated.
    """

    id: UUID
    started_at: datetime | None
    number: str | None
    name: str | None
    result: Result
    abandoned: bool
    duration_ms: int | None
    order_id: UUID | None
    order_number: int | None
    dishes: str | None
    reservation_id: UUID | None
    party: int | None
    seated_at: datetime | None
    first_words: str | None
    wrong: int
    micros: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many calls there were today, and how many the tabs have; `wrong` of all times."""

    today: int
    missed_today: int
    live: int
    wrong: int
    messages: int


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants at which the restaurant's day begins and ends."""
    begins = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    return begins, datetime(following.year, following.month, following.day, tzinfo=zone)


def is_live() -> ColumnElement[bool]:
    """Whether somebody talks now, as far as is recorded."""
    return and_(Call.ended_at.is_(None), Call.started_at > func.now() - LONGEST_CALL)


def is_missed() -> ColumnElement[bool]:
    """Whether the caller got nobody: neither the assistant nor a message box."""
    return Call.outcome.in_([CallOutcome.ABANDONED, CallOutcome.UNSERVED])


def result_of() -> ColumnElement[str]:
    """Say what came of a call; a reservation made in it counts before the outcome's word."""
    return case(
        (is_live(), Result.LIVE),
        (Call.outcome == CallOutcome.ORDER, Result.ORDER),
        (booked(Reservation.id).is_not(None), Result.BOOKING),
        (is_missed(), Result.MISSED),
        (Call.outcome.is_(None), Result.UNKNOWN),
        else_=Call.outcome,
    )


async def list_calls(
    session: AsyncSession, restaurant_id: UUID, asked: Asked, zone: ZoneInfo
) -> list[ListedCall]:
    """Return the newest first, one more than a page holds when there is another page."""
    columns: list[Label[Any]] = [
        Call.id.label("id"),
        Call.started_at.label("started_at"),
        Call.caller_number.label("number"),
        func.coalesce(Order.customer_name, booked(Reservation.customer_name)).label("name"),
        result_of().label("result"),
        func.coalesce(Call.outcome == CallOutcome.ABANDONED, False).label("abandoned"),
        Call.duration_ms.label("duration_ms"),
        Call.order_id.label("order_id"),
        Order.number.label("order_number"),
        _dishes().label("dishes"),
        booked(Reservation.id).label("reservation_id"),
        booked(Reservation.party).label("party"),
        booked(Reservation.starts_at).label("seated_at"),
        _first_words().label("first_words"),
        _cases().label("wrong"),
        rated_micros().label("micros"),
    ]
    query = (
        select(*columns)
        .outerjoin(Order, and_(Order.restaurant_id == restaurant_id, Order.id == Call.order_id))
        .where(Call.restaurant_id == restaurant_id, *_which(restaurant_id, asked, zone))
        .order_by(Call.started_at.desc(), Call.id.desc())
        .limit(PAGE + 1)
    )
    rows = await session.execute(query)
    return [ListedCall(**{**row, "result": Result(row["result"])}) for row in rows.mappings()]


def _which(restaurant_id: UUID, asked: Asked, zone: ZoneInfo) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = [Call.started_at.is_not(None)]
    match asked.filter:
        case Filter.LIVE:
            where.append(is_live())
        case Filter.MISSED:
            where.append(is_missed())
        case Filter.TRANSFERRED:
            where.append(Call.outcome == CallOutcome.TRANSFERRED)
        case Filter.WRONG:
            where.append(_cases() > 0)
    if asked.day is not None:
        begins, ends = day_bounds(asked.day, zone)
        where += [Call.started_at >= begins, Call.started_at < ends]
    if asked.words:
        where.append(_found_by(asked.words))
    if asked.after is not None:
        last = select(Call.started_at, Call.id).where(
            Call.restaurant_id == restaurant_id, Call.id == asked.after
        )
        where.append(tuple_(Call.started_at, Call.id) < last.scalar_subquery())
    return where


def _found_by(words: str) -> ColumnElement[bool]:
    """Look for a name, an order's number, or the digits of a telephone number."""
    pattern = f"%{_escaped(words)}%"
    found = [Order.customer_name.ilike(pattern), booked(Reservation.customer_name).ilike(pattern)]
    digits = "".join(each for each in words if each.isdigit())
    if digits and not words.strip(" +.-0123456789"):
        found.append(Call.caller_number.like(f"%{digits.lstrip('0')}%"))
        if len(digits) <= 4:
            found.append(Order.number == int(digits))
    return or_(*found)


def _escaped(words: str) -> str:
    for special in ("\\", "%", "_"):
        words = words.replace(special, f"\\{special}")
    return words


def booked(column: Any) -> Any:
    """Select one column of the reservation made in the call, the first if there are several."""
    made = select(column).where(
        Reservation.restaurant_id == Call.restaurant_id, Reservation.call_id == Call.id
    )
    return made.order_by(Reservation.id).limit(1).correlate(Call).scalar_subquery()


def _dishes() -> Any:
    named = cast(OrderLine.quantity, String) + literal("\u00a0×\u00a0") + OrderLine.name
    lines = select(func.string_agg(named, literal(", "))).where(
        OrderLine.restaurant_id == Call.restaurant_id, OrderLine.order_id == Call.order_id
    )
    return lines.correlate(Call).scalar_subquery()


def _first_words() -> Any:
    said = select(CallTurn.text).where(
        CallTurn.restaurant_id == Call.restaurant_id,
        CallTurn.call_id == Call.id,
        CallTurn.role == "caller",
        CallTurn.text != "",
    )
    return said.order_by(CallTurn.position).limit(1).correlate(Call).scalar_subquery()


def _cases() -> Any:
    reported = select(func.count(CallCase.id)).where(
        CallCase.restaurant_id == Call.restaurant_id, CallCase.call_id == Call.id
    )
    return reported.correlate(Call).scalar_subquery()


def rated_micros() -> Any:
    """Select what the call costs its restaurant, in millionths of a euro."""
    rated = select(UsageRecord.micros).where(
        UsageRecord.restaurant_id == Call.restaurant_id,
        UsageRecord.kind == UsageKind.CALL,
        UsageRecord.source == cast(Call.id, String),
    )
    return rated.correlate(Call).scalar_subquery()


async def count_calls(
    session: AsyncSession, restaurant_id: UUID, day: date, zone: ZoneInfo
) -> Counts:
    """Count what the head of the list and its tabs say."""
    begins, ends = day_bounds(day, zone)
    today = and_(Call.started_at >= begins, Call.started_at < ends)
    counted = select(
        func.count().filter(today).label("today"),
        func.count().filter(today, is_missed()).label("missed_today"),
        func.count().filter(is_live()).label("live"),
        _count(CallCase.id, CallCase.restaurant_id == restaurant_id).label("wrong"),
        _count(
            VoiceMessage.id,
            VoiceMessage.restaurant_id == restaurant_id,
            VoiceMessage.heard_at.is_(None),
        ).label("messages"),
    ).where(
        Call.restaurant_id == restaurant_id,
        Call.started_at >= func.least(begins, func.now() - LONGEST_CALL),
    )
    return Counts(**(await session.execute(counted)).mappings().one())


def _count(column: Any, *where: ColumnElement[bool]) -> Any:
    return select(func.count(column)).where(*where).scalar_subquery()
