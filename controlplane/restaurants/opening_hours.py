"""A restaurant's hours as they are in Postgres."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts import restaurant_config
from controlplane.models.opening_exception import OpeningException
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.opening import HORIZON_DAYS, Hours

_BACK: Final = timedelta(days=2)
"""A window of yesterday may still be open, and no zone is a day from UTC."""


async def read_hours(session: AsyncSession, restaurant: Restaurant, now: datetime) -> Hours:
    """The week, and the exceptions of the days that `opening_at` looks at."""
    rules = await session.scalars(
        select(OpeningRule)
        .where(OpeningRule.restaurant_id == restaurant.id)
        .order_by(OpeningRule.weekday, OpeningRule.opens)
    )
    first = now.date() - _BACK
    exceptions = await session.scalars(
        select(OpeningException)
        .where(
            OpeningException.restaurant_id == restaurant.id,
            OpeningException.date.between(first, first + timedelta(days=HORIZON_DAYS + 4)),
        )
        .order_by(OpeningException.date, OpeningException.opens)
    )
    return Hours(
        zone=ZoneInfo(restaurant.timezone),
        week=tuple(
            restaurant_config.OpeningWindow(
                weekday=rule.weekday, opens=rule.opens, closes=rule.closes
            )
            for rule in rules
        ),
        exceptions=tuple(
            restaurant_config.OpeningException(date=row.date, opens=row.opens, closes=row.closes)
            for row in exceptions
        ),
    )
