"""Step 9 of a call: its order is placed once per idempotency key, numbered without gaps or races.

Order, lines, order event and outbox row are one transaction, committed before `place_order`
returns. A commit whose answer was lost is settled by trying again with the same key.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts.identifiers import new_id
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import Order, OrderEvent, OrderLine, OrderStatus
from controlplane.restaurants import money
from controlplane.restaurants.cart import Cart, CartLine
from controlplane.restaurants.errors import CartEmpty, OrderNotCommitted

log = structlog.get_logger()

Sessions = async_sessionmaker[AsyncSession]

ATTEMPT_SECONDS: Final = 2.5
"""One transaction of a few rows takes 10 ms; the caller waits, with a word after 2 s."""
ATTEMPTS: Final = 2
"""The second finds the first's order, or a database that came back."""


@dataclass(frozen=True, kw_only=True)
class OrderDraft:
    """What is to be placed, at the prices the caller was told."""

    restaurant_id: UUID
    timezone: str
    preparation_minutes: int
    call_id: UUID
    idempotency_key: str
    lines: tuple[CartLine, ...]
    customer_name: str | None = None
    customer_phone_e164: str | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class PlacedOrder:
    """A committed order."""

    id: UUID
    number: int
    total_cents: int
    ready_at_local: datetime
    idempotency_key: str


def idempotency_key(call_id: UUID, cart: Cart) -> str:
    """What makes an order the same order: this call's cart as it stands."""
    return f"{call_id}:{cart.revision}"


async def place_order(sessions: Sessions, draft: OrderDraft) -> PlacedOrder:
    """Commit the order, or find the one already committed under its key.

    Raises `CartEmpty`, and `OrderNotCommitted` after `ATTEMPTS` that failed. When it is cancelled
    nobody knows whether the order is committed: placing it again with the same key settles that.
    """
    if not draft.lines:
        raise CartEmpty
    for attempt in range(1, ATTEMPTS + 1):
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await _place_once(sessions, draft)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.error(
                "order_not_committed",
                call_id=str(draft.call_id),
                attempt=attempt,
                error=type(error).__name__,
            )
    raise OrderNotCommitted


async def orders_of_call(
    sessions: Sessions, restaurant_id: UUID, call_id: UUID, *, timezone: str
) -> list[PlacedOrder]:
    """The orders of a call that another worker took, oldest first.

    Raises SQLAlchemy's errors, or `TimeoutError` after `ATTEMPT_SECONDS`.
    """
    async with asyncio.timeout(ATTEMPT_SECONDS), sessions() as session:
        orders = await session.scalars(
            select(Order)
            .where(Order.restaurant_id == restaurant_id, Order.call_id == call_id)
            .order_by(Order.number)
        )
        return [_placed(order, timezone) for order in orders]


async def _place_once(sessions: Sessions, draft: OrderDraft) -> PlacedOrder:
    async with sessions() as session:
        try:
            async with session.begin():
                order = await _find(session, draft) or await _insert(session, draft)
        except IntegrityError:
            # Another transaction committed this key in between: its order is the order.
            async with session.begin():
                found = await _find(session, draft)
            if found is None:
                raise
            order = found
    return _placed(order, draft.timezone)


async def _find(session: AsyncSession, draft: OrderDraft) -> Order | None:
    found: Order | None = await session.scalar(
        select(Order).where(
            Order.restaurant_id == draft.restaurant_id,
            Order.idempotency_key == draft.idempotency_key,
        )
    )
    return found


async def _insert(session: AsyncSession, draft: OrderDraft) -> Order:
    """The order with all that belongs to it; the outbox row comes last, for its trigger holds up
    the restaurant's other writers from there to the commit.
    """
    order = await _order(session, draft, datetime.now(UTC))
    session.add(order)
    await session.flush()
    session.add_all(_line(order, at, line) for at, line in enumerate(draft.lines, start=1))
    session.add(
        OrderEvent(
            restaurant_id=order.restaurant_id,
            order_id=order.id,
            from_status=None,
            to_status=OrderStatus.PLACED,
            actor="agent",
        )
    )
    await session.flush()
    session.add(
        EventOutbox(
            restaurant_id=order.restaurant_id,
            topic=OutboxTopic.ORDER_PLACED,
            payload={"order_id": str(order.id)},
        )
    )
    return order


async def _order(session: AsyncSession, draft: OrderDraft, now: datetime) -> Order:
    service_date = now.astimezone(ZoneInfo(draft.timezone)).date()
    return Order(
        id=new_id(),
        restaurant_id=draft.restaurant_id,
        call_id=draft.call_id,
        service_date=service_date,
        number=await _next_number(session, draft.restaurant_id, service_date),
        idempotency_key=draft.idempotency_key,
        status=OrderStatus.PLACED,
        customer_name=draft.customer_name,
        customer_phone_e164=draft.customer_phone_e164,
        note=draft.note,
        total_cents=money.total_cents(draft.lines),
        ready_at=now + timedelta(minutes=draft.preparation_minutes),
    )


async def _next_number(session: AsyncSession, restaurant_id: UUID, service_date: date) -> int:
    """Under a lock held to the commit: two calls never read the same last number."""
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext(f"order:{restaurant_id}"), 0))
    )
    last = await session.scalar(
        select(func.max(Order.number)).where(
            Order.restaurant_id == restaurant_id, Order.service_date == service_date
        )
    )
    return (last or 0) + 1


def _line(order: Order, position: int, line: CartLine) -> OrderLine:
    return OrderLine(
        restaurant_id=order.restaurant_id,
        order_id=order.id,
        position=position,
        menu_item_id=line.item_id,
        name=line.name,
        quantity=line.quantity,
        options=[
            {
                "id": str(option.id),
                "name": option.name,
                "price_delta_cents": option.price_delta_cents,
            }
            for option in line.options
        ],
        unit_price_cents=line.unit_price_cents,
        vat_rate_bp=line.vat_rate_bp,
        total_cents=line.total_cents,
    )


def _placed(order: Order, timezone: str) -> PlacedOrder:
    return PlacedOrder(
        id=order.id,
        number=order.number,
        total_cents=order.total_cents,
        ready_at_local=order.ready_at.astimezone(ZoneInfo(timezone)),
        idempotency_key=order.idempotency_key,
    )
