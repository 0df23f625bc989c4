"""How busy the kitchen says it is, by the buttons of its page and of the day's."""

from datetime import UTC, datetime
from typing import Literal, TypeAlias

from controlplane.contracts.opening import BusyLevel
from controlplane.restaurants.busy import pause, rush, set_busy
from webapp.kitchen.state import PAUSE
from webapp.place import Place
from webapp.queries import Frame
from webapp.words import _

Delay: TypeAlias = Literal["0", "15", "30", "pause"]
"""What a button sends: minutes, or that no order is taken."""


def pace_of(frame: Frame) -> str:
    """Return what the button says that is on."""
    paused = frame.busy_level == BusyLevel.PAUSED
    return PAUSE if paused else str(frame.busy_delay_minutes)


async def set_pace(place: Place, delay: Delay) -> None:
    """Say it; a rush or a pause ends by itself."""
    now = datetime.now(UTC)
    said = pause(now=now) if delay == PAUSE else rush(int(delay), now=now)
    said = said.model_copy(update={"by": place.user.name if place.user else _("Cuisine")})
    async with place.session() as session, session.begin():
        await set_busy(session, place.restaurant_id, said, actor=place.actor)
