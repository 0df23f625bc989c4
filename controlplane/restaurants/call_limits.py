"""How many calls a restaurant takes: at once, an hour, and minutes with the assistant a day.

The bounds are the table's own (`controlplane/models/restaurant.py`); bridges keep callers to them
(`controlplane/bridge/calls/restaurant_limits.py`).
"""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.restaurant import CallLimits, Restaurant


async def limit(
    _session: AsyncSession,
    restaurant: Restaurant,
    *,
    at_once: int | None,
    an_hour: int | None,
    ai_minutes_a_day: int | None,
) -> CallLimits:
    """Change what is given, and return the limits as they are then; the caller commits."""
    given = {"at_once": at_once, "an_hour": an_hour, "ai_minutes_a_day": ai_minutes_a_day}
    changed = {name: value for name, value in given.items() if value is not None}
    restaurant.limits = replace(restaurant.limits, **changed)
    return restaurant.limits
