"""The kitchen says how busy it is: the next word of a call, and the next order, go by it."""

from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.opening import Busy
from controlplane.models.busy_state import BusyState


async def set_busy(session: AsyncSession, restaurant_id: UUID, busy: Busy) -> None:
    """Write it in the caller's transaction; workers' cached configs are dropped at its commit."""
    row = {
        "level": busy.level,
        "delay_minutes": busy.delay_minutes,
        "until": busy.until,
        "set_by": busy.by,
        "set_at": func.now(),
    }
    await session.execute(
        insert(BusyState)
        .values(restaurant_id=restaurant_id, **row)
        .on_conflict_do_update(index_elements=[BusyState.restaurant_id], set_=row)
    )
