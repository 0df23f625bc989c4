"""For when a customer may want what is ordered now: this service's quarters of an hour. Pure.

Instants are in the restaurant's zone. Nobody prepares what is for another service: none is taken
ahead of it (`controlplane/restaurants/what_happens.py`).
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from controlplane.restaurants.decision import Answer
from controlplane.restaurants.errors import TimeRefused

STEP: Final = timedelta(minutes=15)
LONGEST_AHEAD: Final = timedelta(hours=6)
"""A service is no longer; a restaurant that never closes has none."""


def wanted_times(answer: Answer) -> tuple[datetime, ...]:
    """The quarters of an hour that `check_wanted` allows, earliest first."""
    first, last = _bounds(answer)
    at = first.replace(minute=0, second=0, microsecond=0)
    quarters = []
    while at <= last:
        if at >= first:
            quarters.append(at.astimezone(answer.at.tzinfo))
        at += STEP
    return tuple(quarters)


def check_wanted(answer: Answer, wanted_at: datetime) -> None:
    """Raise `TimeRefused` unless the kitchen has it ready by then, and is still there."""
    first, last = _bounds(answer)
    if not first <= wanted_at.astimezone(UTC) <= last:
        zone = answer.at.tzinfo
        raise TimeRefused(first.astimezone(zone), last.astimezone(zone))


def _bounds(answer: Answer) -> tuple[datetime, datetime]:
    """The earliest and the latest, in UTC; what is taken at closing time is made after it."""
    first, last = answer.ready_at.astimezone(UTC), answer.at.astimezone(UTC) + LONGEST_AHEAD
    if answer.until is not None:
        last = min(last, answer.until.astimezone(UTC))
    return first, max(first, last)
