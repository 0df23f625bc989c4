"""Messages that callers left because nobody could answer."""

from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant, PrimaryKey

MOST_MESSAGES: Final = 100
MOST_MESSAGES_MS: Final = 3_600_000
"""A restaurant's box holds so many messages, and an hour of them; then callers leave none."""


class VoiceMessage(Base):
    """The recording holds the message only, never the call."""

    __tablename__ = "voice_message"
    __table_args__ = (
        CheckConstraint("octet_length(audio) <= 2000000", name="audio"),
        Index(None, "restaurant_id", "recorded_at"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    channel_uuid: Mapped[UUID] = mapped_column(unique=True)
    """FreeSWITCH's channel: a call leaves one message, however often it is delivered."""
    caller_number: Mapped[str | None]
    """The number is in E.164; None when it is hidden."""
    recorded_at: Mapped[Instant]
    duration_ms: Mapped[int]
    audio: Mapped[bytes]
    """A WAV of 8 kHz, mono, 16 bits."""
    heard_at: Mapped[Instant | None]
