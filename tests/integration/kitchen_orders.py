"""Orders for tests, written as the worker writes them: one transaction, the outbox row last."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.order import Order, OrderLine, OrderStatus, OrderType
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.order_delivery import OrderDelivery
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.delivery_zones import Delivery


async def add_restaurant(session: AsyncSession, *, name: str = "Chez Léa") -> UUID:
    restaurant_id = new_id()
    session.add(
        Restaurant(
            id=restaurant_id,
            slug=f"r-{restaurant_id}",
            name=name,
            spoken_name=name,
            address="1 rue du Four, 69001 Lyon",
            phone_e164="+33199001111",
            status="live",
        )
    )
    await session.flush()
    return restaurant_id


async def add_order(
    session: AsyncSession,
    restaurant_id: UUID,
    *,
    dishes: Sequence[tuple[int, str, int]] = ((1, "Margherita", 950),),
    options: Sequence[str] = (),
    customer: str | None = "Camille",
    phone: str | None = "+33639980134",
    status: OrderStatus = OrderStatus.PLACED,
    days_ago: int = 0,
    due_in_min: int = 20,
    note: str = "",
    call_back: bool = False,
    allergy: str = "",
    item_id: UUID | None = None,
    delivery: Delivery | None = None,
    order_type: OrderType = OrderType.PICKUP,
) -> UUID:
    """Add an order; it is delivered if `delivery` says where. `dishes` give quantity, name and unit
    price in cents. The caller commits.
    """
    order_id = new_id()
    today = datetime.now(ZoneInfo("Europe/Paris")).date()
    number = await session.scalar(
        select(func.count()).select_from(Order).where(Order.restaurant_id == restaurant_id)
    )
    ready_at = datetime.now(UTC) + timedelta(minutes=due_in_min)
    session.add(
        Order(
            id=order_id,
            restaurant_id=restaurant_id,
            service_date=today - timedelta(days=days_ago),
            number=(number or 0) + 1,
            idempotency_key=f"{order_id}:1",
            status=status,
            customer_name=customer,
            customer_phone_e164=phone,
            note=note,
            call_back=call_back,
            total_cents=sum(quantity * cents for quantity, _, cents in dishes),
            order_type=OrderType.DELIVERY if delivery else order_type,
            ready_at=ready_at,
            deliver_at=ready_at + timedelta(minutes=delivery.delay_minutes) if delivery else None,
        )
    )
    await session.flush()
    session.add_all(
        OrderLine(
            restaurant_id=restaurant_id,
            order_id=order_id,
            position=position,
            menu_item_id=item_id or new_id(),
            name=name,
            quantity=quantity,
            options=[
                {"id": str(new_id()), "name": option, "price_delta_cents": 0} for option in options
            ],
            unit_price_cents=cents,
            vat_rate_bp=1_000,
            total_cents=quantity * cents,
        )
        for position, (quantity, name, cents) in enumerate(dishes)
    )
    if delivery:
        session.add(
            OrderDelivery(
                restaurant_id=restaurant_id,
                order_id=order_id,
                zone=delivery.zone,
                **delivery.address.model_dump(),
            )
        )
    if allergy:
        session.add(OrderAllergy(restaurant_id=restaurant_id, order_id=order_id, words=allergy))
    await session.flush()
    session.add(
        EventOutbox(
            restaurant_id=restaurant_id,
            topic=OutboxTopic.ORDER_PLACED,
            payload={"order_id": str(order_id)},
        )
    )
    await session.flush()
    return order_id
