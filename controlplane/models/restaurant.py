"""A restaurant is one tenant."""

from typing import Final

from sqlalchemy import CheckConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.models.base import Base, CreatedAt, PrimaryKey

RESTAURANT_CHANNEL = "restaurant_changed"
"""Postgres notifies on this channel when what a worker knows of a restaurant has changed; the
payload is the restaurant's id."""

MOST_TRANSCRIPT_DAYS: Final = 90
MOST_CALL_MONTHS: Final = 13
MOST_VOICE_MESSAGE_DAYS: Final = 30
"""What is known of callers is kept this long; a restaurant may shorten it and never lengthen it."""


class Restaurant(Base):
    """One restaurant, and how its assistant speaks."""

    __tablename__ = "restaurant"
    __table_args__ = (
        CheckConstraint(
            f"status IN ({', '.join(repr(str(status)) for status in RestaurantStatus)})",
            name="status",
        ),
        CheckConstraint("preparation_minutes BETWEEN 1 AND 240", name="preparation_minutes"),
        CheckConstraint(
            f"keep_transcripts_days BETWEEN 1 AND {MOST_TRANSCRIPT_DAYS}",
            name="keep_transcripts_days",
        ),
        CheckConstraint(
            f"keep_calls_months BETWEEN 1 AND {MOST_CALL_MONTHS}", name="keep_calls_months"
        ),
        CheckConstraint(
            f"keep_voice_messages_days BETWEEN 1 AND {MOST_VOICE_MESSAGE_DAYS}",
            name="keep_voice_messages_days",
        ),
    )

    id: Mapped[PrimaryKey]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    spoken_name: Mapped[str]
    address: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="Europe/Paris")
    phone_e164: Mapped[str]
    status: Mapped[str] = mapped_column(default=RestaurantStatus.ONBOARDING)
    preparation_minutes: Mapped[int] = mapped_column(default=20)
    voice: Mapped[str] = mapped_column(default="marin")
    realtime_model: Mapped[str] = mapped_column(default="gpt-realtime-2.1-mini")
    keep_transcripts_days: Mapped[int] = mapped_column(server_default=text("90"))
    keep_calls_months: Mapped[int] = mapped_column(server_default=text("13"))
    """Calls are deleted after this time; orders lose the customer's name, number and note."""
    keep_voice_messages_days: Mapped[int] = mapped_column(server_default=text("30"))
    created_at: Mapped[CreatedAt]
