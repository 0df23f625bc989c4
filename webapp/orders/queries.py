"""What the pages of orders read. Every query is scoped by the restaurant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Text, cast, func, literal, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import (
    NEVER_MADE,
    NEXT_STATUSES,
    CancelReason,
    Order,
    OrderLine,
    OrderStatus,
    OrderType,
)
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.order_delivery import OrderDelivery
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import UnknownOrder

PAGE: Final = 30
"""So many orders are read at once on a telephone; more are one page further."""
OPEN: Final = tuple(status for status, following in NEXT_STATUSES.items() if following)
LEAST_DIGITS: Final = 4
"""Fewer are an order's number; these and more are the end of a telephone number too."""
MOST_TURNS: Final = 60
"""A call's words beside its order: the call's own page has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders a list shows: of a day, of all days, or those that are not over."""

    open_only: bool = False
    day: date | None = None
    wanted: str = ""
    """A number, a part of a name, or the end of a telephone number."""
    after: tuple[date, int] | None = None
    """The service date and number of the last order of the page before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One order of a list."""

    id: UUID
    number: int
    service_date: date
    status: OrderStatus
    order_type: OrderType
    at: datetime
    """When its customer has it."""
    customer_name: str | None
    dishes: str
    total_cents: int
    allergy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotals:
    """How many orders of a day were not refused, and what they come to."""

    orders: int
    cents: int


async def list_orders(
    session: AsyncSession, restaurant_id: UUID, wanted: Filter
) -> Sequence[Listed]:
    """One order more than `PAGE`, if there is one: the newest come first."""
    dishes = (
        select(
            func.string_agg(
                cast(OrderLine.quantity, Text) + literal(" × ") + OrderLine.name,
                literal(", "),
            )
        )
        .where(OrderLine.restaurant_id == Order.restaurant_id, OrderLine.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )
    allergy = (
        select(OrderAllergy.id)
        .where(OrderAllergy.restaurant_id == Order.restaurant_id, OrderAllergy.order_id == Order.id)
        .correlate(Order)
        .exists()
    )
    rows = await session.execute(
        select(
            Order.id,
            Order.number,
            Order.service_date,
            Order.status,
            Order.order_type,
            func.coalesce(Order.deliver_at, Order.ready_at).label("at"),
            Order.customer_name,
            func.coalesce(dishes, "").label("dishes"),
            Order.total_cents,
            allergy.label("allergy"),
        )
        .where(Order.restaurant_id == restaurant_id, *_conditions(wanted))
        .order_by(Order.service_date.desc(), Order.number.desc())
        .limit(PAGE + 1)
    )
    return [
        Listed(
            **{
                **row._mapping,
                "status": OrderStatus(row.status),
                "order_type": OrderType(row.order_type),
            }
        )
        for row in rows
    ]


async def day_totals(session: AsyncSession, restaurant_id: UUID, day: date) -> DayTotals:
    row = await session.execute(
        select(func.count(), func.coalesce(func.sum(Order.total_cents), 0)).where(
            Order.restaurant_id == restaurant_id,
            Order.service_date == day,
            Order.status.not_in(NEVER_MADE),
        )
    )
    orders, cents = row.one()
    return DayTotals(orders=orders, cents=int(cents))


def _conditions(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.open_only:
        found.append(Order.status.in_(OPEN))
    if wanted.day is not None:
        found.append(Order.service_date == wanted.day)
    if wanted.wanted:
        found.append(_matches(wanted.wanted))
    if wanted.after is not None:
        found.append(tuple_(Order.service_date, Order.number) < tuple_(*wanted.after))
    return found


def _matches(words: str) -> ColumnElement[bool]:
    digits = "".join(char for char in words if char.isdecimal() and char.isascii())
    if digits and not any(char.isalpha() for char in words):
        number = Order.number == int(digits) if len(digits) < 9 else Order.id.is_(None)
        ends = Order.customer_phone_e164.endswith(digits.removeprefix("0"), autoescape=True)
        return or_(number, ends) if len(digits) >= LEAST_DIGITS else number
    return Order.customer_name.icontains(words, autoescape=True)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True)


class LineRead(_Read):
    menu_item_id: UUID
    name: str
    quantity: int
    options: tuple[dict[str, Any], ...]
    total_cents: int


class VatRead(_Read):
    rate_bp: int
    vat_cents: int


class AllergyRead(_Read):
    words: str
    created_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    """Whoever has seen it, by name where they have one, else the actor."""


class EventRead(_Read):
    """A step of the order. `name` is the actor's, where they have one."""

    at: datetime
    from_status: OrderStatus | None
    to_status: OrderStatus
    actor: str
    name: str | None
    reason: CancelReason | None


class NoticeRead(_Read):
    """What its customer was told, or why not."""

    kind: str
    state: str
    reason: str | None
    created_at: datetime
    settled_at: datetime | None


class PrintRead(_Read):
    printer: str
    at: datetime


class TurnRead(_Read):
    role: str
    text: str
    heard_ms: int | None
    at: datetime


class CallRead(_Read):
    """The call it was placed in, if its words are still kept."""

    id: UUID
    started_at: datetime | None
    duration_ms: int | None
    turns: tuple[TurnRead, ...]


class OtherOrder(_Read):
    id: UUID
    number: int


class CustomerRead(_Read):
    """Whom the restaurant knows by the number: how often they ordered before, and when last."""

    id: UUID
    orders: int
    last_at: datetime | None


class OrderRead(_Read):
    """One order with all that its page shows of it."""

    id: UUID
    number: int
    service_date: date
    status: OrderStatus
    order_type: OrderType
    table_name: str | None
    customer_name: str | None
    customer_phone_e164: str | None
    note: str
    delivery_cents: int
    discount_cents: int
    total_cents: int
    ready_at: datetime
    deliver_at: datetime | None
    call_back: bool
    created_at: datetime
    lines: tuple[LineRead, ...]
    vat: tuple[VatRead, ...]
    allergies: tuple[AllergyRead, ...]
    events: tuple[EventRead, ...]
    notices: tuple[NoticeRead, ...]
    printed: tuple[PrintRead, ...]
    call: CallRead | None
    replaces: OtherOrder | None
    replaced_by: OtherOrder | None
    customer: CustomerRead | None

    @property
    def at(self) -> datetime:
        """When its customer has it."""
        return self.deliver_at or self.ready_at

    @property
    def over(self) -> bool:
        return not NEXT_STATUSES[self.status]

    @property
    def allergy_unseen(self) -> bool:
        return not self.over and any(one.acknowledged_at is None for one in self.allergies)


async def read_order(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> OrderRead:
    """Return one order, in one query. Raises `UnknownOrder`."""
    rows = await session.execute(
        _ORDER, {"restaurant_id": restaurant_id, "order_id": order_id, "most_turns": MOST_TURNS}
    )
    row = rows.one_or_none()
    if row is None:
        raise UnknownOrder(order_id)
    return OrderRead.model_validate(dict(row._mapping))


async def read_address(
    session: AsyncSession, restaurant_id: UUID, order: OrderRead
) -> OrderDelivery | None:
    """Where it is brought; None once that is forgotten, and of an order that is fetched."""
    if order.order_type is not OrderType.DELIVERY:
        return None
    return await session.get(OrderDelivery, (restaurant_id, order.id))


async def read_restaurant(session: AsyncSession, restaurant_id: UUID) -> Restaurant:
    return await session.get_one(Restaurant, restaurant_id)


async def read_refusal(
    session: AsyncSession, restaurant_id: UUID, order_id: UUID
) -> tuple[Restaurant, Order]:
    """What the words of a refusal are made of. Raises `UnknownOrder`."""
    restaurant = await read_restaurant(session, restaurant_id)
    order = await session.scalar(
        select(Order).where(Order.restaurant_id == restaurant_id, Order.id == order_id)
    )
    if order is None:
        raise UnknownOrder(order_id)
    return restaurant, order


_ORDER: Final = text(
    """
SELECT o.*,
    coalesce((
        SELECT jsonb_agg(to_jsonb(l) ORDER BY l.position) FROM order_line l
        WHERE l.restaurant_id = o.restaurant_id AND l.order_id = o.id
    ), '[]') AS lines,
    coalesce((
        SELECT jsonb_agg(to_jsonb(v) ORDER BY v.rate_bp) FROM order_vat_line v
        WHERE v.restaurant_id = o.restaurant_id AND v.order_id = o.id
    ), '[]') AS vat,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('words', a.words, 'created_at', a.created_at,
            'acknowledged_at', a.acknowledged_at,
            'acknowledged_by', coalesce(u.name, d.name, a.acknowledged_by)) ORDER BY a.created_at)
        FROM order_allergy a
        LEFT JOIN user_account u ON u.id = CASE
            WHEN a.acknowledged_by LIKE 'user:%' THEN substr(a.acknowledged_by, 6)::uuid END
        LEFT JOIN device d ON d.restaurant_id = a.restaurant_id AND d.id = CASE
            WHEN a.acknowledged_by LIKE 'device:%' THEN substr(a.acknowledged_by, 8)::uuid END
        WHERE a.restaurant_id = o.restaurant_id AND a.order_id = o.id
    ), '[]') AS allergies,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('at', e.at, 'from_status', e.from_status,
            'to_status', e.to_status, 'actor', e.actor, 'reason', e.reason,
            'name', coalesce(u.name, d.name)) ORDER BY e.at, e.id)
        FROM order_event e
        LEFT JOIN user_account u
            ON u.id = CASE WHEN e.actor LIKE 'user:%' THEN substr(e.actor, 6)::uuid END
        LEFT JOIN device d ON d.restaurant_id = e.restaurant_id
            AND d.id = CASE WHEN e.actor LIKE 'device:%' THEN substr(e.actor, 8)::uuid END
        WHERE e.restaurant_id = o.restaurant_id AND e.order_id = o.id
    ), '[]') AS events,
    coalesce((
        SELECT jsonb_agg(to_jsonb(n) ORDER BY n.created_at) FROM notification n
        WHERE n.restaurant_id = o.restaurant_id AND n.about_id = o.id
            AND n.created_at BETWEEN o.created_at - interval '1 hour'
                AND o.created_at + interval '1 day'
    ), '[]') AS notices,
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('printer', p.name, 'at', j.settled_at)
            ORDER BY j.settled_at)
        FROM print_job j
        JOIN printer p ON p.restaurant_id = j.restaurant_id AND p.id = j.printer_id
        WHERE j.restaurant_id = o.restaurant_id AND j.order_id = o.id AND j.state = 'printed'
    ), '[]') AS printed,
    (
        SELECT jsonb_build_object('id', c.id, 'started_at', c.started_at,
            'duration_ms', c.duration_ms,
            'turns', coalesce((
                SELECT jsonb_agg(to_jsonb(t) ORDER BY t.position) FROM (
                    SELECT role, text, heard_ms, at, position FROM call_turn
                    WHERE restaurant_id = c.restaurant_id AND call_id = c.id AND role <> 'tool'
                        AND at <= o.created_at
                    ORDER BY position DESC LIMIT :most_turns
                ) t
            ), '[]'))
        FROM call c WHERE c.restaurant_id = o.restaurant_id AND c.id = o.call_id
    ) AS call,
    (
        SELECT jsonb_build_object('id', b.id, 'number', b.number) FROM "order" b
        WHERE b.restaurant_id = o.restaurant_id AND b.id = o.replaces_id
    ) AS replaces,
    (
        SELECT jsonb_build_object('id', b.id, 'number', b.number) FROM "order" b
        WHERE b.restaurant_id = o.restaurant_id AND b.replaces_id = o.id
    ) AS replaced_by,
    (
        SELECT jsonb_build_object('id', k.id, 'orders', count(b.id), 'last_at', max(b.created_at))
        FROM customer k
        LEFT JOIN "order" b ON b.restaurant_id = k.restaurant_id
            AND b.customer_phone_e164 = k.phone_e164 AND b.created_at < o.created_at
        WHERE k.restaurant_id = o.restaurant_id AND k.phone_e164 = o.customer_phone_e164
        GROUP BY k.id
    ) AS customer
FROM "order" o
WHERE o.restaurant_id = :restaurant_id AND o.id = :order_id
"""
)
