"""The kitchen says how busy it is: the next word of a call, and the next order, go by it."""

from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import Busy
from controlplane.models.busy_state import BusyState
from controlplane.restaurants.audit import audit


async def set_busy(session: AsyncSession, restaurant_id: UUID, busy: Busy, *, actor: str) -> None:
    """Write it in the caller's transaction; workers' cached configs are dropped at its commit."""
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


def _said(state: Busy | BusyState) -> dict[str, Any]:
    return {"level": state.level, "delay_minutes": state.delay_minutes, "until": state.until}
