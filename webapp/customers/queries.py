"""What the pages of customers read. Every query is scoped by the restaurant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.blocked_caller import BlockedCaller
from controlplane.models.consent import ConsentPurpose, ConsentSource, ConsentState
from controlplane.models.customer import Customer
from controlplane.models.erasure_certificate import ErasureCertificate
from controlplane.models.order import NEVER_MADE, Order, OrderStatus, OrderType
from controlplane.models.reservation import ReservationStatus
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.people_errors import UnknownCustomer

PAGE: Final = 40
LEAST_DIGITS: Final = 2
MOST_SHOWN: Final = 20
"""So many orders, reservations and calls of a customer: older ones are in the export."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A customer of the list."""

    id: UUID
    name: str | None
    phone_e164: str
    seen_at: datetime
    orders: int
    blocked: bool


async def list_customers(
    session: AsyncSession, restaurant_id: UUID, words: str, after: tuple[datetime, UUID] | None
) -> Sequence[Listed]:
    """One customer more than `PAGE`, if there is one: who ordered last comes first."""
    orders = (
        select(func.count())
        .select_from(Order)
        .where(
            Order.restaurant_id == Customer.restaurant_id,
            Order.customer_phone_e164 == Customer.phone_e164,
            Order.status.not_in(NEVER_MADE),
        )
        .correlate(Customer)
        .scalar_subquery()
    )
    blocked = (
        select(BlockedCaller.phone_e164)
        .where(
            BlockedCaller.restaurant_id == Customer.restaurant_id,
            BlockedCaller.phone_e164 == Customer.phone_e164,
        )
        .correlate(Customer)
        .exists()
    )
    conditions: list[ColumnElement[bool]] = [Customer.restaurant_id == restaurant_id]
    if words:
        conditions.append(_matches(words))
    if after is not None:
        conditions.append(tuple_(Customer.seen_at, Customer.id) < tuple_(*after))
    rows = await session.execute(
        select(
            Customer.id,
            Customer.name,
            Customer.phone_e164,
            Customer.seen_at,
            orders.label("orders"),
            blocked.label("blocked"),
        )
        .where(*conditions)
        .order_by(Customer.seen_at.desc(), Customer.id.desc())
        .limit(PAGE + 1)
    )
    return [Listed(**row._mapping) for row in rows]


def _matches(words: str) -> ColumnElement[bool]:
    digits = "".join(char for char in words if char.isdecimal() and char.isascii())
    by_name = Customer.name.icontains(words, autoescape=True)
    if len(digits) < LEAST_DIGITS or any(char.isalpha() for char in words):
        return by_name
    return or_(Customer.phone_e164.endswith(digits.removeprefix("0"), autoescape=True), by_name)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True)


class OrderRead(_Read):
    id: UUID
    number: int
    status: OrderStatus
    order_type: OrderType
    total_cents: int
    created_at: datetime


class ReservationRead(_Read):
    id: UUID
    number: int
    status: ReservationStatus
    party: int
    starts_at: datetime


class CallRead(_Read):
    id: UUID
    started_at: datetime | None
    duration_ms: int | None
    outcome: str | None


class ConsentRead(_Read):
    purpose: ConsentPurpose
    state: ConsentState
    source: ConsentSource
    evidence: str
    at: datetime
    withdrawn_at: datetime | None


class CustomerRead(_Read):
    """One customer with their newest orders, reservations and calls, and every decision."""

    id: UUID
    name: str | None
    phone_e164: str
    created_at: datetime
    seen_at: datetime
    blocked: bool
    orders_made: int
    spent_cents: int
    orders: tuple[OrderRead, ...]
    reservations: tuple[ReservationRead, ...]
    calls: tuple[CallRead, ...]
    consents: tuple[ConsentRead, ...]


async def read_customer(
    session: AsyncSession, restaurant_id: UUID, customer_id: UUID
) -> CustomerRead:
    """Return one customer, in one query. Raises `UnknownCustomer`."""
    rows = await session.execute(
        _CUSTOMER,
        {
            "restaurant_id": restaurant_id,
            "customer_id": customer_id,
            "never_made": [str(status) for status in NEVER_MADE],
            "most": MOST_SHOWN,
        },
    )
    row = rows.one_or_none()
    if row is None:
        raise UnknownCustomer
    return CustomerRead.model_validate(dict(row._mapping))


async def number_of(session: AsyncSession, restaurant_id: UUID, customer_id: UUID) -> str:
    """The customer's number, as a form about them is filled with it. Raises `UnknownCustomer`."""
    number: str | None = await session.scalar(
        select(Customer.phone_e164).where(
            Customer.restaurant_id == restaurant_id, Customer.id == customer_id
        )
    )
    if number is None:
        raise UnknownCustomer
    return number


async def read_restaurant(session: AsyncSession, restaurant_id: UUID) -> Restaurant:
    return await session.get_one(Restaurant, restaurant_id)


async def read_certificates(
    session: AsyncSession, restaurant_id: UUID
) -> Sequence[ErasureCertificate]:
    """The newest erasures of this restaurant: none of them names anybody."""
    found = await session.scalars(
        select(ErasureCertificate)
        .where(ErasureCertificate.restaurant_id == restaurant_id)
        .order_by(ErasureCertificate.at.desc())
        .limit(MOST_SHOWN)
    )
    return found.all()


_CUSTOMER: Final = text(
    """
SELECT k.id, k.name, k.phone_e164, k.created_at, k.seen_at,
    EXISTS (
        SELECT FROM blocked_caller b
        WHERE b.restaurant_id = k.restaurant_id AND b.phone_e164 = k.phone_e164
    ) AS blocked,
    made.orders AS orders_made, made.cents AS spent_cents,
    coalesce((
        SELECT jsonb_agg(to_jsonb(o) ORDER BY o.created_at DESC) FROM (
            SELECT id, number, status, order_type, total_cents, created_at FROM "order"
            WHERE restaurant_id = k.restaurant_id AND customer_phone_e164 = k.phone_e164
            ORDER BY created_at DESC LIMIT :most
        ) o
    ), '[]') AS orders,
    coalesce((
        SELECT jsonb_agg(to_jsonb(r) ORDER BY r.starts_at DESC) FROM (
            SELECT id, number, status, party, starts_at FROM reservation
            WHERE restaurant_id = k.restaurant_id AND customer_phone_e164 = k.phone_e164
            ORDER BY starts_at DESC LIMIT :most
        ) r
    ), '[]') AS reservations,
    coalesce((
        SELECT jsonb_agg(to_jsonb(c) ORDER BY c.started_at DESC) FROM (
            SELECT id, started_at, duration_ms, outcome FROM call
            WHERE restaurant_id = k.restaurant_id AND caller_number = k.phone_e164
            ORDER BY started_at DESC LIMIT :most
        ) c
    ), '[]') AS calls,
    coalesce((
        SELECT jsonb_agg(to_jsonb(d) ORDER BY d.at DESC) FROM consent d
        WHERE d.restaurant_id = k.restaurant_id AND d.customer_id = k.id
    ), '[]') AS consents
FROM customer k
CROSS JOIN LATERAL (
    SELECT count(*) AS orders, coalesce(sum(total_cents), 0) AS cents FROM "order" o
    WHERE o.restaurant_id = k.restaurant_id AND o.customer_phone_e164 = k.phone_e164
        AND NOT o.status = ANY (:never_made)
) made
WHERE k.restaurant_id = :restaurant_id AND k.id = :customer_id
"""
)
