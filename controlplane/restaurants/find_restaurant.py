"""The restaurant an admin names."""

from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.registrations.report import near
from controlplane.restaurants.errors import UnknownRestaurant


async def find_restaurant(session: AsyncSession, name: str) -> Restaurant:
    """By slug, id or gateway name. Raises `UnknownRestaurant`, which knows the names near it."""
    names = [Restaurant.slug == name, SipRegistration.gateway_name == name]
    try:
        names.append(Restaurant.id == UUID(name))
    except ValueError:
        pass  # a slug or a gateway name
    found = await session.scalar(
        select(Restaurant)
        .outerjoin(SipRegistration, SipRegistration.restaurant_id == Restaurant.id)
        .where(or_(*names))
        .limit(1)
    )
    if found is None:
        raise UnknownRestaurant(name, near(name, await session.scalars(select(Restaurant.slug))))
    return found
