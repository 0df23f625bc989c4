"""What a caller left when nobody could answer."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant, PrimaryKey


class VoiceMessage(Base):
    """The recording of the message only, never of the call."""

    __tablename__ = "voice_message"
    __table_args__ = (
        CheckConstraint("octet_length(audio) <= 2000000", name="audio"),
        Index(None, "restaurant_id", "recorded_at"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    channel_uuid: Mapped[UUID] = mapped_column(unique=True)
    """FreeSWITCH's: one message a call, however often it is delivered."""
    caller_number: Mapped[str | None]
    """E.164; None when hidden."""
    recorded_at: Mapped[Instant]
    duration_ms: Mapped[int]
    audio: Mapped[bytes]
    """WAV, 8 kHz, mono."""
    heard_at: Mapped[Instant | None]
