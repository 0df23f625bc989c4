"""What the public pages read of a restaurant, found by the name in its address."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts.unsubscribe_link import UnsubscribeKey
from controlplane.models.customer import Customer
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import UnknownRestaurant

_OF_SLUG = text("SELECT restaurant_of_slug(:slug)")


async def find_by_slug(sessions: async_sessionmaker[AsyncSession], slug: str) -> UUID:
    """Return the id of the restaurant of this address. Raises `UnknownRestaurant`."""
    async with sessions() as session:
        found: UUID | None = await session.scalar(_OF_SLUG, {"slug": slug})
    if found is None:
        raise UnknownRestaurant(slug)
    return found


async def read_restaurant(session: AsyncSession, restaurant_id: UUID) -> Restaurant:
    """Return the restaurant with how long it keeps what. Raises `UnknownRestaurant`."""
    restaurant = await session.get(Restaurant, restaurant_id)
    if restaurant is None:
        raise UnknownRestaurant(restaurant_id)
    return restaurant


async def read_subscriber(session: AsyncSession, key: UnsubscribeKey) -> Customer | None:
    """Return the customer; None once the restaurant has forgotten them."""
    return await session.get(Customer, key.customer_id)
