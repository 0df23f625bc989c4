"""How long dishes may wait before their ticket turns amber and red, by kind: a pizza ages faster
than a roast.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.models.kitchen_settings import DishAge
from controlplane.models.menu import MenuCategory
from controlplane.restaurants.audit import audit
from controlplane.restaurants.errors import UnknownCategory
from controlplane.restaurants.setup_lock import lock_setup


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeLimits:
    """Minutes since the order was accepted."""

    amber_minutes: int
    red_minutes: int


USUAL: Final = AgeLimits(amber_minutes=10, red_minutes=20)
"""It holds of dishes whose category has none of its own."""


async def dish_ages(session: AsyncSession, restaurant_id: UUID) -> dict[UUID, AgeLimits]:
    """The limits that the restaurant set, by category."""
    rows = await session.scalars(select(DishAge).where(DishAge.restaurant_id == restaurant_id))
    return {
        row.category_id: AgeLimits(amber_minutes=row.amber_minutes, red_minutes=row.red_minutes)
        for row in rows
    }


async def set_dish_ages(
    session: AsyncSession, restaurant_id: UUID, ages: Mapping[UUID, AgeLimits], *, actor: str
) -> None:
    """Set the limits of these categories, the others keep theirs; the caller commits.

    Raises `UnknownCategory`.
    """
    await lock_setup(session, restaurant_id)
    known = await session.scalars(
        select(MenuCategory.id).where(MenuCategory.restaurant_id == restaurant_id)
    )
    if unknown := ages.keys() - set(known):
        raise UnknownCategory(min(unknown))
    before = await dish_ages(session, restaurant_id)
    for category_id, limits in ages.items():
        await session.execute(
            insert(DishAge)
            .values(
                id=new_id(), restaurant_id=restaurant_id, category_id=category_id, **asdict(limits)
            )
            .on_conflict_do_update(
                index_elements=[DishAge.restaurant_id, DishAge.category_id], set_=asdict(limits)
            )
        )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="set_dish_ages",
        object="dish_age",
        before={str(key): asdict(value) for key, value in before.items() if key in ages},
        after={str(key): asdict(value) for key, value in ages.items()},
    )
