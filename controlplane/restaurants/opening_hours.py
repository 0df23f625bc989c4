"""A restaurant's calendar as it is in Postgres."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts import opening
from controlplane.contracts.opening import Busy, HolidayHours, Holidays, OpeningKind, OpeningWindow
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.models.busy_state import BusyState
from controlplane.models.opening_exception import OpeningException
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import UnknownRestaurant
from controlplane.restaurants.open_orders import kitchen_pace, read_open_orders
from controlplane.restaurants.opening import HORIZON_DAYS
from controlplane.restaurants.what_happens import Calendar

_BACK: Final = timedelta(days=2)
"""A window of yesterday may still be open, and no zone is a day from UTC."""


async def read_calendar(session: AsyncSession, restaurant: Restaurant, now: datetime) -> Calendar:
    """Everything that `what_happens` asks of the days from `now` to its horizon."""
    return await _calendar(session, restaurant, await _busy(session, restaurant.id), now)


async def find_calendar(session: AsyncSession, restaurant_id: UUID, now: datetime) -> Calendar:
    """What `read_calendar` reads, for who has not read the restaurant: one question less.

    Raises `UnknownRestaurant`.
    """
    found = await session.execute(
        select(Restaurant, BusyState)
        .outerjoin(BusyState, BusyState.restaurant_id == Restaurant.id)
        .where(Restaurant.id == restaurant_id)
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownRestaurant(restaurant_id)
    restaurant, busy = row
    return await _calendar(session, restaurant, _said_busy(busy), now)


async def _calendar(
    session: AsyncSession, restaurant: Restaurant, busy: Busy, now: datetime
) -> Calendar:
    first = now.date() - _BACK
    last = first + timedelta(days=HORIZON_DAYS + 4)
    hours = await _hours(session, restaurant, OpeningException.date <= last, first=first)
    return replace(
        hours,
        busy=busy,
        open_orders=await read_open_orders(session, restaurant.id, hours.kitchen, now),
    )


async def read_hours(session: AsyncSession, restaurant: Restaurant, first: date) -> Calendar:
    """What the restaurant says of its hours from a date on, however far; not how busy it is."""
    return await _hours(session, restaurant, true(), first=first)


async def _hours(
    session: AsyncSession, restaurant: Restaurant, near: ColumnElement[bool], *, first: date
) -> Calendar:
    return Calendar(
        zone=ZoneInfo(restaurant.timezone),
        week=await _week(session, restaurant.id),
        exceptions=await _exceptions(session, restaurant.id, near, first),
        holidays=Holidays(
            hours=HolidayHours(restaurant.holiday_hours), alsace_moselle=restaurant.alsace_moselle
        ),
        status=RestaurantStatus(restaurant.status),
        kitchen=kitchen_pace(restaurant),
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
    session: AsyncSession, restaurant_id: UUID, near: ColumnElement[bool], first: date
) -> tuple[opening.OpeningException, ...]:
    rows = await session.scalars(
        select(OpeningException)
        .where(
            OpeningException.restaurant_id == restaurant_id,
            near,
            func.coalesce(OpeningException.last_date, OpeningException.date) >= first,
        )
        .order_by(OpeningException.date, OpeningException.opens)
    )
    return tuple(opening.OpeningException.model_validate(row, from_attributes=True) for row in rows)


async def _busy(session: AsyncSession, restaurant_id: UUID) -> Busy:
    return _said_busy(await session.get(BusyState, restaurant_id, populate_existing=True))


def _said_busy(row: BusyState | None) -> Busy:
    if row is None:
        return Busy()
    return Busy(
        level=opening.BusyLevel(row.level),
        delay_minutes=row.delay_minutes,
        until=row.until,
        by=row.set_by,
    )
