"""Weekdays, windows and dates as admins type them: `mon-fri,sun`, `18:30-00:30`, `2026-12-25`."""

from datetime import date, datetime
from typing import Any, Final

import click

from controlplane.contracts.opening import WEEKDAYS
from controlplane.restaurants.hour_windows import Window

_SHORT: Final = tuple(day[:3] for day in WEEKDAYS)


class Weekdays(click.ParamType[frozenset[int]]):
    """Days and ranges of days, which may go round the end of the week: `fri-mon`; `daily`."""

    name = "days"

    def convert(self, value: Any, param: Any, ctx: Any) -> frozenset[int]:
        if isinstance(value, frozenset):
            return value
        days: set[int] = set()
        for part in str(value).lower().replace("daily", "mon-sun").split(","):
            first, _, last = part.partition("-")
            ends = [_SHORT.index(day[:3]) for day in (first, last or first) if day[:3] in _SHORT]
            if len(ends) != 2:
                self.fail(f"{part!r} is no day: write mon-fri,sun or daily", param, ctx)
            count = (ends[1] - ends[0]) % 7 + 1
            days |= {(ends[0] + ahead) % 7 for ahead in range(count)}
        return frozenset(days)


class HourWindow(click.ParamType[Window]):
    """Two wall times; the second is of the next day when it is not after the first."""

    name = "window"

    def convert(self, value: Any, param: Any, ctx: Any) -> Window:
        if isinstance(value, tuple):
            return value
        try:
            opens, closes = (datetime.strptime(at, "%H:%M").time() for at in str(value).split("-"))
        except ValueError:
            self.fail(f"{value!r} are no hours: write 11:30-14:30 or 18:30-00:30", param, ctx)
        return opens, closes


class Day(click.ParamType[date]):
    """A date that exists, as ISO 8601 writes it."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date: write 2026-12-25", param, ctx)


def spelt_days(days: frozenset[int] | list[int]) -> str:
    return ",".join(_SHORT[day] for day in sorted(days)) or "daily"
