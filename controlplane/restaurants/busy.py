"""The kitchen says how busy it is: the next word of a call, and the next order, go by it."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import Busy, BusyLevel
from controlplane.models.busy_state import BusyState
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.restaurants.audit import audit

RUSH_FOR: Final = timedelta(hours=1)
"""A rush or a pause that nobody ends is over by itself: forgotten, it would cost the evening."""


def rush(delay_minutes: int, *, now: datetime) -> Busy:
    """Everything takes so much longer for a while; 0 is as usual. Pure."""
    if not delay_minutes:
        return Busy()
    until = now + RUSH_FOR
    return Busy(level=BusyLevel.BUSY, delay_minutes=delay_minutes, until=until)


def pause(*, now: datetime) -> Busy:
    """No order is taken for a while. Pure."""
    return Busy(level=BusyLevel.PAUSED, until=now + RUSH_FOR)


async def set_busy(session: AsyncSession, restaurant_id: UUID, busy: Busy, *, actor: str) -> None:
    """Write it in the caller's transaction; workers' cached configs are dropped at its commit, and
    open pages hear of it.
    """
    row = {**_said(busy), "set_by": busy.by, "set_at": func.now()}
    before = await session.get(BusyState, restaurant_id, populate_existing=True)
    said_before = _said(before) if before else {}
    await session.execute(
        insert(BusyState)
        .values(restaurant_id=restaurant_id, **row)
        .on_conflict_do_update(index_elements=[BusyState.restaurant_id], set_=row)
    )
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action="set_busy",
        object="busy_state",
        before=said_before,
        after=_said(busy),
    )
    session.add(
        EventOutbox(restaurant_id=restaurant_id, topic=OutboxTopic.BUSY_CHANGED, payload={})
    )
    await session.flush()


def _said(state: Busy | BusyState) -> dict[str, Any]:
    return {"level": state.level, "delay_minutes": state.delay_minutes, "until": state.until}
