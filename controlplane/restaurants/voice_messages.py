"""What callers left when nobody could answer: listened to once, every screen shows it."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.voice_message import VoiceMessage
from controlplane.restaurants.errors import UnknownMessage


async def mark_heard(session: AsyncSession, restaurant_id: UUID, message_id: UUID) -> None:
    """Somebody has listened to it; the caller commits. Marking it twice changes nothing.

    Raises `UnknownMessage`.
    """
    mine = (VoiceMessage.restaurant_id == restaurant_id, VoiceMessage.id == message_id)
    if await session.scalar(select(VoiceMessage.id).where(*mine)) is None:
        raise UnknownMessage(message_id)
    heard = await session.scalar(
        update(VoiceMessage)
        .where(*mine, VoiceMessage.heard_at.is_(None))
        .values(heard_at=datetime.now(UTC))
        .returning(VoiceMessage.id)
    )
    if heard is not None:
        session.add(
            EventOutbox(
                restaurant_id=restaurant_id,
                topic=OutboxTopic.VOICE_MESSAGE_HEARD,
                payload={"voice_message_id": str(message_id)},
            )
        )
