"""One change of a restaurant's set-up at a time: each is checked against all the others."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession


async def lock_setup(session: AsyncSession, restaurant_id: UUID) -> None:
    """Let nobody else change hours, pacing, the dining room, printers or the ladder of this
    restaurant before the commit: two changes that are right alone may be wrong together.
    """
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext(f"setup:{restaurant_id}"), 0))
    )
