"""Open pages are told that somebody's rights changed: who lost them sees nothing more at once."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import EventOutbox, OutboxTopic


async def tell_access_changed(session: AsyncSession, restaurant_id: UUID) -> None:
    """Tell it in the caller's transaction, as the last that it writes."""
    session.add(
        EventOutbox(restaurant_id=restaurant_id, topic=OutboxTopic.ACCESS_CHANGED, payload={})
    )
    await session.flush()
