"""A restaurant's hours are written: its week, and the dates that differ from it.

The caller of each function commits. Workers' cached configs are dropped at the commit (a trigger of
each table), so the next call, and the next order of a live one, go by the new hours.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts import opening
from controlplane.contracts.opening import WEEKDAYS, Holidays, OpeningKind
from controlplane.models.opening_exception import OpeningException
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.audit import audit
from controlplane.restaurants.hour_windows import (
    Week,
    Window,
    check_days,
    check_week,
    spelt,
)
from controlplane.restaurants.readable_words import readable
from controlplane.restaurants.setup_errors import (
    ChangedMeanwhile,
    DatesReversed,
    DateTaken,
    NoException,
    TooManyOf,
)
from controlplane.restaurants.setup_lock import lock_setup

MOST_WINDOWS: Final = 6
"""No restaurant opens more often a day."""
MOST_DAYS: Final = 366
"""An exception of more than a year is another week."""
MOST_EXCEPTIONS: Final = 400
"""A config carries those of two months; a year of single dates fits."""
_CLOSED: Final[Sequence[tuple[None, None]]] = ((None, None),)
MOST_LABEL: Final = 80
MOST_SPOKEN: Final = 300
"""Callers hear it before they hear anything useful: some twenty seconds."""


async def set_week(
    session: AsyncSession,
    restaurant_id: UUID,
    kind: OpeningKind,
    week: Week,
    *,
    actor: str,
    seen: Week | None = None,
) -> None:
    """Give the weekdays that are named these windows and no others; the others keep theirs.

    Raises `HoursOverlap`, `TooManyOf`; `ChangedMeanwhile` when these weekdays are not as they were
    `seen`.
    """
    await lock_setup(session, restaurant_id)
    before = await read_week(session, restaurant_id, kind)
    if seen is not None and any(before.get(day, []) != sorted(seen.get(day, ())) for day in week):
        raise ChangedMeanwhile
    after = {day: windows for day, windows in {**before, **week}.items() if windows}
    if any(len(windows) > MOST_WINDOWS for windows in after.values()):
        raise TooManyOf("windows a day", MOST_WINDOWS)
    check_week(after)
    await session.execute(
        delete(OpeningRule).where(
            OpeningRule.restaurant_id == restaurant_id,
            OpeningRule.kind == kind,
            OpeningRule.weekday.in_(week),
        )
    )
    session.add_all(
        OpeningRule(restaurant_id=restaurant_id, kind=kind, weekday=day, opens=opens, closes=closes)
        for day, windows in week.items()
        for opens, closes in windows
    )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="set_week",
        object=f"opening_rule:{kind}",
        before=_spelt_by_day(before),
        after=_spelt_by_day(after),
    )


async def add_exception(
    session: AsyncSession,
    restaurant_id: UUID,
    exception: opening.OpeningException,
    windows: Sequence[Window],
    *,
    actor: str,
) -> None:
    """Open at these windows on its dates, or not at all without one; its own hours are not read.

    Raises `DatesReversed`, `DateTaken`, `HoursOverlap`, `WordsRefused`, `TooManyOf`.
    """
    days = ((exception.last_date or exception.date) - exception.date).days + 1
    if not 1 <= days <= MOST_DAYS:
        raise DatesReversed(MOST_DAYS - 1)
    if len(windows) > MOST_WINDOWS:
        raise TooManyOf("windows a day", MOST_WINDOWS)
    check_days(windows, days=days)
    label = readable(exception.label, "label", most=MOST_LABEL, least=0)
    spoken = readable(exception.spoken, "sentence for callers", most=MOST_SPOKEN, least=0)
    await lock_setup(session, restaurant_id)
    await _refuse_taken(session, restaurant_id, exception)
    session.add_all(
        OpeningException(
            restaurant_id=restaurant_id,
            date=exception.date,
            last_date=exception.last_date,
            opens=opens,
            closes=closes,
            kinds=[str(kind) for kind in exception.kinds],
            label=label,
            spoken=spoken,
        )
        for opens, closes in windows or _CLOSED
    )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="add_exception",
        object=f"opening_exception:{exception.date}",
        after={
            "last_date": exception.last_date or exception.date,
            "kinds": " ".join(exception.kinds) or "all",
            "hours": spelt(windows),
        },
    )


async def remove_exceptions(
    session: AsyncSession, restaurant_id: UUID, day: date, *, actor: str
) -> int:
    """Take away whatever covers this date, whole, and return how many dated rows that were.

    Raises `NoException`.
    """
    await lock_setup(session, restaurant_id)
    removed = (
        await session.scalars(
            delete(OpeningException)
            .where(
                OpeningException.restaurant_id == restaurant_id,
                OpeningException.date <= day,
                func.coalesce(OpeningException.last_date, OpeningException.date) >= day,
            )
            .returning(OpeningException.date)
        )
    ).all()
    if not removed:
        raise NoException(day)
    for first in sorted(set(removed)):
        await audit(
            session,
            restaurant_id,
            actor=actor,
            action="remove_exception",
            object=f"opening_exception:{first}",
        )
    return len(removed)


async def set_holidays(
    session: AsyncSession, restaurant: Restaurant, holidays: Holidays, *, actor: str
) -> None:
    """Say what the week's hours are worth on public holidays."""
    before = {"hours": restaurant.holiday_hours, "alsace_moselle": restaurant.alsace_moselle}
    restaurant.holiday_hours = holidays.hours
    restaurant.alsace_moselle = holidays.alsace_moselle
    await audit(
        session,
        restaurant.id,
        actor=actor,
        action="set_holidays",
        object="restaurant",
        before=before,
        after=holidays.model_dump(mode="json"),
    )


async def read_week(
    session: AsyncSession, restaurant_id: UUID, kind: OpeningKind
) -> dict[int, list[Window]]:
    """The windows of each weekday that has any, the earliest first."""
    rows = await session.scalars(
        select(OpeningRule)
        .where(OpeningRule.restaurant_id == restaurant_id, OpeningRule.kind == kind)
        .order_by(OpeningRule.weekday, OpeningRule.opens)
    )
    week: dict[int, list[Window]] = {}
    for row in rows:
        week.setdefault(row.weekday, []).append((row.opens, row.closes))
    return week


async def _refuse_taken(
    session: AsyncSession, restaurant_id: UUID, wanted: opening.OpeningException
) -> None:
    """Two exceptions of one date and kind would add up to what neither says."""
    rows = (
        await session.scalars(
            select(OpeningException).where(
                OpeningException.restaurant_id == restaurant_id,
                func.coalesce(OpeningException.last_date, OpeningException.date) >= wanted.date,
            )
        )
    ).all()
    if len(rows) >= MOST_EXCEPTIONS:
        raise TooManyOf("exceptions to come", MOST_EXCEPTIONS)
    for row in rows:
        other = opening.OpeningException.model_validate(row, from_attributes=True)
        if other.date <= (wanted.last_date or wanted.date) and _kinds(other) & _kinds(wanted):
            raise DateTaken(other.date)


def _kinds(exception: opening.OpeningException) -> set[OpeningKind]:
    return {kind for kind in OpeningKind if exception.concerns(kind)}


def _spelt_by_day(week: Week) -> dict[str, str]:
    return {WEEKDAYS[day]: spelt(windows) for day, windows in week.items()}
