"""Allergies told with an order: the kitchen says that it has read them before it accepts it."""

from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import Order, OrderStatus
from controlplane.models.order_allergy import OrderAllergy
from controlplane.restaurants.errors import AllergyUnseen

TAKEN: Final = frozenset(
    {
        OrderStatus.ACCEPTED,
        OrderStatus.PREPARING,
        OrderStatus.READY,
        OrderStatus.OUT_FOR_DELIVERY,
        OrderStatus.COMPLETED,
    }
)
"""An order comes into none of these while nobody has read its allergies."""


async def check_allergies_seen(session: AsyncSession, order: Order, to: OrderStatus) -> None:
    """Raise `AllergyUnseen` when the locked order cannot go there yet."""
    if to in TAKEN and await _unseen(session, order):
        raise AllergyUnseen(order.status, to)


async def acknowledge_allergies(session: AsyncSession, order: Order, *, actor: str) -> bool:
    """Write down who has seen the locked order's allergies; whether there was one to see."""
    seen = await session.scalars(
        update(OrderAllergy)
        .where(*_of(order), OrderAllergy.acknowledged_at.is_(None))
        .values(acknowledged_at=func.now(), acknowledged_by=actor)
        .returning(OrderAllergy.id)
    )
    return bool(seen.all())


def allergy_of(order: Order, words: str) -> OrderAllergy:
    """The row of what the caller said."""
    return OrderAllergy(restaurant_id=order.restaurant_id, order_id=order.id, words=words)


async def _unseen(session: AsyncSession, order: Order) -> UUID | None:
    unseen: UUID | None = await session.scalar(
        select(OrderAllergy.id).where(*_of(order), OrderAllergy.acknowledged_at.is_(None)).limit(1)
    )
    return unseen


def _of(order: Order) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        OrderAllergy.restaurant_id == order.restaurant_id,
        OrderAllergy.order_id == order.id,
    )
