"""Step 9 of a call: one order as rows, read and written inside the placing transaction."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import Order, OrderEvent, OrderLine, OrderStatus, OrderType
from controlplane.models.order_delivery import OrderDelivery
from controlplane.models.order_vat_line import OrderVatLine
from controlplane.restaurants import money
from controlplane.restaurants.cart import CartLine, LineContent, line_content
from controlplane.restaurants.confirmations import confirm_order
from controlplane.restaurants.customers import remember_customer
from controlplane.restaurants.decision import Answer
from controlplane.restaurants.delivery_zones import Delivery
from controlplane.restaurants.errors import KeyOfAnotherCart
from controlplane.restaurants.hand_to_kitchen import hand_to_kitchen
from controlplane.restaurants.order_allergies import allergy_of
from controlplane.restaurants.order_draft import (
    AGENT,
    OrderDraft,
    PlacedOrder,
    Taking,
    key_before_digests,
)
from controlplane.restaurants.order_status import move_order, tell_status
from controlplane.restaurants.payment_links import offer_link
from controlplane.restaurants.tasks import call_back_for, settle_call_back

_ONE_EACH: Final[Mapping[UUID, int]] = {}


async def find_order(session: AsyncSession, draft: OrderDraft) -> Order | None:
    """The order that was placed under the draft's key. Raises `KeyOfAnotherCart`."""
    keys = (draft.idempotency_key, key_before_digests(draft.idempotency_key))
    orders = await session.scalars(
        select(Order).where(
            Order.restaurant_id == draft.restaurant_id, Order.idempotency_key.in_(keys)
        )
    )
    for order in orders:
        if await _is_of(session, order, draft):
            return order
        if order.idempotency_key == draft.idempotency_key:
            raise KeyOfAnotherCart
    return None


async def insert_order(
    session: AsyncSession,
    draft: OrderDraft,
    answer: Answer,
    *,
    order_id: UUID,
    ready_at: datetime,
    taking: Taking,
    replaced: Order | None,
    menu_version: int | None = None,
    kitchen_points: Mapping[UUID, int] = _ONE_EACH,
) -> Order:
    """The order with all that belongs to it, in the place of the locked `replaced`; the outbox rows
    come last, for their trigger holds up the restaurant's other writers from there to the commit.
    """
    now = answer.at.astimezone(UTC)
    order = await _order(session, draft, order_id, answer.date)
    if replaced is not None:
        await move_order(session, replaced, to=OrderStatus.CANCELLED, actor=taking.by)
        await settle_call_back(session, replaced, now, actor=taking.by)
        order.replaces_id = replaced.id
    order.ready_at = ready_at
    order.menu_version = menu_version
    order.deliver_at = _deliver_at(draft, ready_at)
    order.call_back = taking.call_back
    session.add(order)
    await session.flush()
    await remember_customer(
        session,
        order.restaurant_id,
        number=order.customer_phone_e164,
        name=order.customer_name,
        at=now,
    )
    lines = [_line(order, at, line) for at, line in enumerate(draft.lines, start=1)]
    for line in lines:
        line.kitchen_points = kitchen_points.get(line.menu_item_id, 1)
    lines.sort(key=_takes_portions_of)
    session.add_all(lines)
    if draft.allergy:
        session.add(allergy_of(order, draft.allergy))
    if draft.delivery:
        session.add(_delivery(order, draft.delivery))
    shares = money.vat_by_rate(draft.lines, delivery_cents=draft.delivery_cents)
    session.add_all(_vat_line(order, share) for share in shares)
    session.add(
        OrderEvent(
            restaurant_id=order.restaurant_id,
            order_id=order.id,
            from_status=None,
            to_status=OrderStatus.PLACED,
            actor=taking.by,
        )
    )
    await session.flush()
    waits_for_payment = await offer_link(session, order)
    if taking.call_back:
        await call_back_for(session, order, actor=taking.by)
    await confirm_order(session, order)
    if not waits_for_payment:
        await hand_to_kitchen(session, order)
    session.add(
        EventOutbox(
            restaurant_id=order.restaurant_id,
            topic=OutboxTopic.ORDER_PLACED,
            payload={"order_id": str(order.id)},
        )
    )
    if replaced is not None:
        tell_status(session, replaced)
    await session.flush()
    return order


async def ask_to_call_back(session: AsyncSession, order: Order) -> None:
    """Tell the kitchen that this order's caller does not know whether it is placed, and have
    somebody call them.
    """
    order.call_back = True
    await session.flush()
    await call_back_for(session, order, actor=AGENT)
    tell_status(session, order)


def placed_order(order: Order, timezone: str) -> PlacedOrder:
    zone = ZoneInfo(timezone)
    return PlacedOrder(
        id=order.id,
        number=order.number,
        total_cents=order.total_cents,
        order_type=OrderType(order.order_type),
        ready_at_local=order.ready_at.astimezone(zone),
        deliver_at_local=order.deliver_at.astimezone(zone) if order.deliver_at else None,
        idempotency_key=order.idempotency_key,
    )


async def _is_of(session: AsyncSession, order: Order, draft: OrderDraft) -> bool:
    """Whether these are the draft's dishes, options, quantities and prices, and it goes where the
    draft does.
    """
    lines = await session.scalars(
        select(OrderLine)
        .where(OrderLine.restaurant_id == order.restaurant_id, OrderLine.order_id == order.id)
        .order_by(OrderLine.position)
    )
    stored = [_content(line) for line in lines]
    wanted = [line.content for line in draft.lines]
    same = (order.total_cents, stored) == (draft.total_cents, wanted)
    return same and await _goes_there(session, order, draft)


async def _goes_there(session: AsyncSession, order: Order, draft: OrderDraft) -> bool:
    if (order.order_type, order.table_name) != (draft.order_type, draft.table_name):
        return False
    if draft.delivery is None:
        return True
    row = await session.get(OrderDelivery, (order.restaurant_id, order.id))
    door = row and (row.house_number, row.street, row.postcode, row.city)
    return door == draft.delivery.address.door


def _content(line: OrderLine) -> LineContent:
    return line_content(
        line.menu_item_id,
        (option["id"] for option in line.options),
        quantity=line.quantity,
        unit_price_cents=line.unit_price_cents,
    )


async def _order(
    session: AsyncSession, draft: OrderDraft, order_id: UUID, service_date: date
) -> Order:
    return Order(
        id=order_id,
        restaurant_id=draft.restaurant_id,
        call_id=draft.call_id,
        service_date=service_date,
        number=await _next_number(session, draft.restaurant_id, service_date),
        idempotency_key=draft.idempotency_key,
        order_type=draft.order_type,
        table_name=draft.table_name,
        status=OrderStatus.PLACED,
        customer_name=draft.customer_name,
        customer_phone_e164=draft.customer_phone_e164,
        note=draft.note,
        items_cents=draft.items_cents,
        delivery_cents=draft.delivery_cents,
        total_cents=draft.total_cents,
    )


async def _next_number(session: AsyncSession, restaurant_id: UUID, service_date: date) -> int:
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
        vat_parts=[part.model_dump() for part in line.vat_parts] if line.vat_parts else None,
        total_cents=line.total_cents,
    )


def _deliver_at(draft: OrderDraft, ready_at: datetime) -> datetime | None:
    if draft.delivery is None:
        return None
    return ready_at.astimezone(UTC) + timedelta(minutes=draft.delivery.delay_minutes)


def _delivery(order: Order, delivery: Delivery) -> OrderDelivery:
    return OrderDelivery(
        restaurant_id=order.restaurant_id,
        order_id=order.id,
        zone=delivery.zone,
        **delivery.address.model_dump(),
    )


def _takes_portions_of(line: OrderLine) -> tuple[UUID, int]:
    """Lines are inserted by dish, as orders give portions back: nobody waits in a circle."""
    return line.menu_item_id, line.position


def _vat_line(order: Order, share: money.VatShare) -> OrderVatLine:
    return OrderVatLine(
        restaurant_id=order.restaurant_id,
        order_id=order.id,
        rate_bp=share.rate_bp,
        gross_cents=share.gross_cents,
        vat_cents=share.vat_cents,
        net_cents=share.net_cents,
    )
