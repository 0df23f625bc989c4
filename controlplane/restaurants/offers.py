"""Advertising is by consent, to nobody erased, and by day (Code des postes, art. L34-5)."""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.consent import ConsentPurpose
from controlplane.models.customer import Customer
from controlplane.models.hash_key import HashKey
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.consents import consents
from controlplane.restaurants.notify import Suppressed
from controlplane.restaurants.public_holidays import public_holidays
from controlplane.restaurants.suppressions import hash_number, is_suppressed
from controlplane.secret_box import SecretBox

FROM: Final = time(8)
UNTIL: Final = time(20)
"""Operators refuse advertising outside these hours, on Sundays and on public holidays."""
SUNDAY: Final = 6


async def why_no_offer(
    session: AsyncSession, box: SecretBox, restaurant: Restaurant, e164: str
) -> Suppressed | None:
    """Why the restaurant may not advertise to this number, if so. Raises `SecretUnreadable`."""
    customer = await session.scalar(
        select(Customer).where(Customer.restaurant_id == restaurant.id, Customer.phone_e164 == e164)
    )
    if customer is None or not await consents(session, customer, ConsentPurpose.OFFERS):
        return Suppressed.NO_CONSENT
    return Suppressed.ERASED if await _is_erased(session, box, restaurant, e164) else None


def advertising_from(restaurant: Restaurant, now: datetime) -> datetime:
    """The first instant from `now` on at which advertising may be sent there."""
    local = now.astimezone(ZoneInfo(restaurant.timezone))
    if _is_working_day(restaurant, local) and FROM <= local.time() < UNTIL:
        return now
    day = local if local.time() < FROM else local + timedelta(days=1)
    while not _is_working_day(restaurant, day):
        day += timedelta(days=1)
    return datetime.combine(day.date(), FROM, local.tzinfo)


def _is_working_day(restaurant: Restaurant, at: datetime) -> bool:
    holidays = public_holidays(at.year, alsace_moselle=restaurant.alsace_moselle)
    return at.weekday() != SUNDAY and at.date() not in holidays


async def _is_erased(
    session: AsyncSession, box: SecretBox, restaurant: Restaurant, e164: str
) -> bool:
    """A restaurant without a key never erased anybody; the sender could make none."""
    if await session.get(HashKey, restaurant.id) is None:
        return False
    return await is_suppressed(
        session, restaurant.id, await hash_number(session, box, restaurant.id, e164)
    )
