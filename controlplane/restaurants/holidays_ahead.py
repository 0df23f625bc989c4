"""Public holidays that come: the restaurant says of each whether it opens, before callers ask."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import HolidayHours, OpeningException, OpeningKind
from controlplane.restaurants.public_holidays import public_holidays
from controlplane.restaurants.set_hours import add_exception, read_week
from controlplane.restaurants.what_happens import Calendar

AHEAD: Final = timedelta(days=42)
"""Six weeks: whoever plans the holidays has time, and nobody is asked about next summer."""


def holidays_unsaid(calendar: Calendar, today: date) -> Iterator[tuple[date, str]]:
    """Each holiday within `AHEAD` of which nobody has said anything, with its name.

    A restaurant that is closed on all of them has said so once. Pure.
    """
    if calendar.holidays.hours is HolidayHours.CLOSED:
        return
    for day in (today + timedelta(days=ahead) for ahead in range(AHEAD.days + 1)):
        name = _holiday(calendar, day)
        if name and not any(one.covers(day) for one in calendar.exceptions):
            yield day, name


async def close_on_holiday(
    session: AsyncSession, restaurant_id: UUID, day: date, name: str, *, actor: str
) -> None:
    """Be closed on that day. Raises what `add_exception` raises."""
    closed = OpeningException(date=day, label=name)
    await add_exception(session, restaurant_id, closed, [], actor=actor)


async def open_on_holiday(
    session: AsyncSession, restaurant_id: UUID, day: date, name: str, *, actor: str
) -> None:
    """Open on that day as on any such weekday, each kind at its hours.

    Raises what `add_exception` raises.
    """
    for kind in OpeningKind:
        week = await read_week(session, restaurant_id, kind)
        if kind is OpeningKind.AI_ANSWERING or not week:
            continue
        usual = OpeningException(date=day, kinds=(kind,), label=name)
        windows = week.get(day.weekday(), [])
        await add_exception(session, restaurant_id, usual, windows, actor=actor)


def _holiday(calendar: Calendar, day: date) -> str | None:
    holidays = public_holidays(day.year, alsace_moselle=calendar.holidays.alsace_moselle)
    return holidays.get(day)
