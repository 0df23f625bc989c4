"""Windows of hours before they are written: which of them cannot both be. Pure.

A window is two wall times of one day; it ends on the next day when it closes at or before the time
it opens. Two windows of one kind that overlap say nothing that one would not, and hide a mistake.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import time, timedelta
from itertools import pairwise
from typing import Final

from controlplane.contracts.opening import WEEKDAYS
from controlplane.restaurants.setup_errors import HoursOverlap

Window = tuple[time, time]
Week = Mapping[int, Sequence[Window]]
"""The windows of each weekday, 0 = Monday; a weekday without any is closed."""

_DAY: Final = timedelta(days=1)
_WEEK: Final = 7 * _DAY


def check_week(week: Week) -> None:
    """Raise `HoursOverlap` when two windows are on at once, Sunday night's and Monday's too."""
    placed = [
        (day * _DAY + _since_midnight(window[0]), window, WEEKDAYS[day])
        for day, windows in week.items()
        for window in windows
    ]
    _check(placed, around=_WEEK)


def check_days(windows: Iterable[Window], *, days: int) -> None:
    """Raise `HoursOverlap` when windows of so many days in a row are on at once; the night after
    the last belongs to whatever follows.
    """
    placed = [(_since_midnight(window[0]), window, "") for window in windows]
    _check(placed, around=_DAY if days > 1 else None)


def spelt(windows: Iterable[Window]) -> str:
    """`11:30-14:30 18:30-00:30`, as commands read and print it; "closed" without a window."""
    return " ".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in sorted(windows)) or (
        "closed"
    )


def length(window: Window) -> timedelta:
    """How long a window is open: a whole day when it closes as it opens."""
    opens, closes = (_since_midnight(at) for at in window)
    return closes - opens if closes > opens else closes - opens + _DAY


def _check(placed: list[tuple[timedelta, Window, str]], *, around: timedelta | None) -> None:
    """Compare each with the next in time; the first comes once more, `around` later."""
    placed = sorted(placed, key=lambda one: one[0])
    if placed and around is not None:
        first = placed[0]
        placed.append((first[0] + around, *first[1:]))
    for (starts, window, day), (follows, following, next_day) in pairwise(placed):
        if starts + length(window) > follows:
            first_one, second = f"{day} {spelt([window])}", f"{next_day} {spelt([following])}"
            raise HoursOverlap([first_one.strip(), second.strip()])


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
