"""When a dish may be had: in its own windows and in its category's, if they have any. Pure.

What counts is the instant the dish is for, when its order is ready, not that of the telephone call.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from controlplane.contracts.opening import OpeningWindow
from controlplane.contracts.restaurant_config import MenuItem
from controlplane.restaurants.calendar_words import written_week
from controlplane.restaurants.cart import CartLine
from controlplane.restaurants.decision import Rule
from controlplane.restaurants.errors import NotAvailable
from controlplane.restaurants.opening import Hours, opening_at
from controlplane.restaurants.rules import availability_rule, next_at

_MOST_TURNS: Final = 200
"""Two sets of windows meet within a week, at most 28 windows a day each, or never."""


def check_available(dish: MenuItem, at: datetime) -> None:
    """Raise `NotAvailable`, with the rule and the next possibility, unless the dish may be had at
    `at`, an instant of the restaurant's zone.
    """
    closed = _closed_windows(dish, at)
    if closed:
        category = dish.category if closed is dish.category_available else None
        raise NotAvailable(
            dish,
            at,
            rule=_rule(dish, closed, category=category),
            following=next_at(next_available(dish, at)),
        )


def check_all_available(lines: Iterable[CartLine], menu: Iterable[MenuItem], at: datetime) -> None:
    """Raise what `check_available` raises of the first line's dish that cannot be had; a line whose
    dish is not on the menu any more is none of this rule's.
    """
    dishes = {dish.id: dish for dish in menu}
    for line in lines:
        if line.item_id in dishes:
            check_available(dishes[line.item_id], at)


def next_available(dish: MenuItem, at: datetime) -> datetime | None:
    """The first instant from `at` on at which the dish may be had; None: there is none."""
    for _ in range(_MOST_TURNS):
        closed = _closed_windows(dish, at)
        if not closed:
            return at
        following = opening_at(_hours(closed, at), at).following
        if following is None:
            return None
        at = following.opens
    return None


def availability_words(dish: MenuItem) -> str:
    """Spell "du lundi au vendredi de 11 h 30 à 14 h 30"; "" of a dish that may always be had."""
    sets = filter(None, (dish.category_available, dish.available))
    return ", et ".join(dict.fromkeys(written_week(windows) for windows in sets))


def _closed_windows(dish: MenuItem, at: datetime) -> tuple[OpeningWindow, ...]:
    """The windows that do not have this instant, the category's first; () when all do."""
    for windows in (dish.category_available, dish.available):
        if windows and opening_at(_hours(windows, at), at).service is None:
            return windows
    return ()


def _hours(windows: tuple[OpeningWindow, ...], at: datetime) -> Hours:
    zone = at.tzinfo
    assert isinstance(zone, ZoneInfo), "an instant of the restaurant's zone"
    return Hours(zone, windows)


def _rule(dish: MenuItem, windows: tuple[OpeningWindow, ...], *, category: str | None) -> Rule:
    return availability_rule(str(dish.id), category or dish.name, written_week(windows))
