"""Prompts as callers hear them: what was said, by which voice, and the sound itself."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Float, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.prompts import MOST_PROMPT_MS
from controlplane.models.base import Base, Instant, PrimaryKey


class PromptRendering(Base):
    """A text that was spoken once. It never changes: another text is another rendering."""

    __tablename__ = "prompt_rendering"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "kind", "id"),
        UniqueConstraint("restaurant_id", "digest"),
        CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest"),
        CheckConstraint(
            "kind <> 'greeting' OR text LIKE '%intelligence artificielle%'", name="disclosed"
        ),
        CheckConstraint(f"duration_ms BETWEEN 1 AND {MOST_PROMPT_MS}", name="duration_ms"),
        CheckConstraint(f"octet_length(wav) <= {16 * MOST_PROMPT_MS + 44}", name="wav"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    kind: Mapped[str]
    digest: Mapped[str]
    """SHA-256 of kind, text, voice and engine, in hexadecimal."""
    text: Mapped[str]
    voice: Mapped[str]
    engine: Mapped[str]
    """The engine with its version, which rises when the same text sounds otherwise."""
    wav: Mapped[bytes]
    """It has 8 kHz, mono, 16 bits."""
    duration_ms: Mapped[int]
    level_dbfs: Mapped[float] = mapped_column(Float(53))
    """The level of active speech (`controlplane/prompts/telephone_sound.py`)."""
    peak_dbfs: Mapped[float] = mapped_column(Float(53))
    rendered_at: Mapped[Instant]
