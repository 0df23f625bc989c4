"""What a restaurant's kitchen has to make, and how fast it is, as Postgres has it."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import KitchenPace, KitchenUnit, OpenOrder
from controlplane.models.order import Order, OrderLine, OrderStatus
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.kitchen_load import units_of

_STILL_TO_BE_MADE: Final = (OrderStatus.PLACED, OrderStatus.ACCEPTED, OrderStatus.PREPARING)
_FORGOTTEN: Final = timedelta(hours=3)
"""Nobody makes an order that is so late: its status was forgotten."""


async def read_open_orders(
    session: AsyncSession,
    restaurant_id: UUID,
    pace: KitchenPace,
    now: datetime,
    *,
    without: UUID | None = None,
) -> tuple[OpenOrder, ...]:
    """What the kitchen has to make, but for the order `without`, which is being replaced.

    An order that is late is still to be made: it is taken to be ready no sooner than what is
    ordered now.
    """
    if not pace.seconds_per_unit:
        return ()
    rows = await session.execute(
        select(Order.id, Order.ready_at, func.sum(OrderLine.quantity * OrderLine.kitchen_points))
        .join(
            OrderLine,
            (OrderLine.restaurant_id == Order.restaurant_id) & (OrderLine.order_id == Order.id),
        )
        .where(
            Order.restaurant_id == restaurant_id,
            Order.service_date >= now.date() - timedelta(days=1),
            Order.status.in_(_STILL_TO_BE_MADE),
            Order.ready_at > now - _FORGOTTEN,
        )
        .group_by(Order.id, Order.ready_at)
    )
    earliest = now + timedelta(minutes=pace.least_minutes)
    return tuple(
        OpenOrder(ready_at=max(ready_at, earliest), units=units_of(pace, points))
        for order_id, ready_at, points in rows
        if order_id != without
    )


def kitchen_pace(restaurant: Restaurant) -> KitchenPace:
    """The pace as it is in the restaurant's row."""
    return KitchenPace(
        least_minutes=restaurant.preparation_minutes,
        most_minutes=restaurant.most_preparation_minutes,
        seconds_per_unit=restaurant.seconds_per_unit,
        unit=KitchenUnit(restaurant.kitchen_unit),
    )
