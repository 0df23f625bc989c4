"""A restaurant's calendar as it is in Postgres."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts import opening
from controlplane.contracts.opening import Busy, HolidayHours, Holidays, OpeningKind, OpeningWindow
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.models.busy_state import BusyState
from controlplane.models.opening_exception import OpeningException
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.open_orders import kitchen_pace, read_open_orders
from controlplane.restaurants.opening import HORIZON_DAYS
from controlplane.restaurants.what_happens import Calendar

_BACK: Final = timedelta(days=2)
"""A window of yesterday may still be open, and no zone is a day from UTC."""


async def read_calendar(session: AsyncSession, restaurant: Restaurant, now: datetime) -> Calendar:
    """Everything that `what_happens` asks of the days from `now` to its horizon."""
    pace = kitchen_pace(restaurant)
    return Calendar(
        zone=ZoneInfo(restaurant.timezone),
        week=await _week(session, restaurant.id),
        exceptions=tuple(
            opening.OpeningException.model_validate(row, from_attributes=True)
            for row in await _exceptions(session, restaurant.id, now)
        ),
        holidays=Holidays(
            hours=HolidayHours(restaurant.holiday_hours), alsace_moselle=restaurant.alsace_moselle
        ),
        busy=await _busy(session, restaurant.id),
        status=RestaurantStatus(restaurant.status),
        kitchen=pace,
        open_orders=await read_open_orders(session, restaurant.id, pace, now),
    )


async def _week(session: AsyncSession, restaurant_id: UUID) -> tuple[OpeningWindow, ...]:
    rules = await session.scalars(
        select(OpeningRule)
        .where(OpeningRule.restaurant_id == restaurant_id)
        .order_by(OpeningRule.kind, OpeningRule.weekday, OpeningRule.opens)
    )
    return tuple(
        OpeningWindow(
            kind=OpeningKind(rule.kind), weekday=rule.weekday, opens=rule.opens, closes=rule.closes
        )
        for rule in rules
    )


async def _exceptions(
    session: AsyncSession, restaurant_id: UUID, now: datetime
) -> Sequence[OpeningException]:
    first = now.date() - _BACK
    rows = await session.scalars(
        select(OpeningException)
        .where(
            OpeningException.restaurant_id == restaurant_id,
            OpeningException.date <= first + timedelta(days=HORIZON_DAYS + 4),
            func.coalesce(OpeningException.last_date, OpeningException.date) >= first,
        )
        .order_by(OpeningException.date, OpeningException.opens)
    )
    return rows.all()


async def _busy(session: AsyncSession, restaurant_id: UUID) -> Busy:
    row = await session.get(BusyState, restaurant_id, populate_existing=True)
    if row is None:
        return Busy()
    return Busy(
        level=opening.BusyLevel(row.level),
        delay_minutes=row.delay_minutes,
        until=row.until,
        by=row.set_by,
    )
