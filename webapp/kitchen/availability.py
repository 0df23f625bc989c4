"""What is sold out: each dish and ingredient, out or back in one tap."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.ingredient import Ingredient
from controlplane.models.menu import MenuCategory, MenuItem
from controlplane.models.order import NEVER_MADE, Order, OrderLine
from controlplane.restaurants.menu_sold_out import OnSale
from webapp.kitchen.queries import Kitchen


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """What may run out by itself."""

    what: OnSale
    id: UUID
    name: str
    group: str
    """Its category; "" of an ingredient."""
    until: datetime | None
    """It is sold out until then, in the restaurant's zone; None: it is there."""
    portions_left: int | None = None
    sold: int = 0
    """So many were ordered today."""


async def things_on_sale(session: AsyncSession, kitchen: Kitchen) -> list[Thing]:
    """Return all that may run out: what is sold out first, then what sells most."""
    found = [*await _dishes(session, kitchen), *await _ingredients(session, kitchen)]
    return sorted(found, key=lambda thing: (thing.until is None, -thing.sold, thing.name))


async def _dishes(session: AsyncSession, kitchen: Kitchen) -> list[Thing]:
    rows = await session.execute(
        select(
            MenuItem.id,
            MenuItem.name,
            MenuCategory.name.label("category"),
            MenuItem.sold_out_until,
            MenuItem.portions_left,
            _sold_today(kitchen).label("sold"),
        )
        .join(
            MenuCategory,
            (MenuCategory.restaurant_id == MenuItem.restaurant_id)
            & (MenuCategory.id == MenuItem.category_id),
        )
        .where(MenuItem.restaurant_id == kitchen.restaurant_id, MenuItem.active)
    )
    return [
        Thing(
            what=OnSale.DISH,
            id=row.id,
            name=row.name,
            group=row.category,
            until=_still_out(row.sold_out_until, kitchen),
            portions_left=row.portions_left,
            sold=row.sold,
        )
        for row in rows
    ]


async def _ingredients(session: AsyncSession, kitchen: Kitchen) -> list[Thing]:
    rows = await session.scalars(
        select(Ingredient).where(Ingredient.restaurant_id == kitchen.restaurant_id)
    )
    return [
        Thing(
            what=OnSale.INGREDIENT,
            id=row.id,
            name=row.name,
            group="",
            until=_still_out(row.sold_out_until, kitchen),
        )
        for row in rows
    ]


def _sold_today(kitchen: Kitchen) -> ScalarSelect[Any]:
    return (
        select(func.coalesce(func.sum(OrderLine.quantity), 0))
        .join(
            Order,
            (Order.restaurant_id == OrderLine.restaurant_id) & (Order.id == OrderLine.order_id),
        )
        .where(
            OrderLine.restaurant_id == MenuItem.restaurant_id,
            OrderLine.menu_item_id == MenuItem.id,
            Order.service_date == kitchen.today(),
            Order.status.not_in(NEVER_MADE),
        )
        .correlate(MenuItem)
        .scalar_subquery()
    )


def _still_out(until: datetime | None, kitchen: Kitchen) -> datetime | None:
    out = until is not None and until > datetime.now(UTC)
    return until.astimezone(kitchen.zone) if until is not None and out else None
