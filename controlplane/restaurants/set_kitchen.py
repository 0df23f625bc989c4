"""How long a kitchen takes is written; the next order goes by it. Who calls commits."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import KitchenPace
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import audit
from controlplane.restaurants.errors import UnknownRestaurant
from controlplane.restaurants.open_orders import kitchen_pace
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from controlplane.restaurants.setup_lock import lock_setup


async def set_kitchen(
    session: AsyncSession,
    restaurant_id: UUID,
    pace: KitchenPace,
    *,
    actor: str,
    seen: KitchenPace | None = None,
) -> None:
    """Have what is ordered from now on take so long.

    Raises `UnknownRestaurant`; `ChangedMeanwhile` when the pace is not as it was `seen`.
    """
    await lock_setup(session, restaurant_id)
    restaurant = await session.get(Restaurant, restaurant_id, populate_existing=True)
    if restaurant is None:
        raise UnknownRestaurant(restaurant_id)
    before = kitchen_pace(restaurant)
    if seen not in (None, before):
        raise ChangedMeanwhile
    restaurant.preparation_minutes = pace.least_minutes
    restaurant.most_preparation_minutes = pace.most_minutes
    restaurant.seconds_per_unit = pace.seconds_per_unit
    restaurant.kitchen_unit = pace.unit
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="set_kitchen",
        object="kitchen",
        before=before.model_dump(mode="json"),
        after=pace.model_dump(mode="json"),
    )
