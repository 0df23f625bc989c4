"""Messages that callers left because nobody could answer."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant, PrimaryKey


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
