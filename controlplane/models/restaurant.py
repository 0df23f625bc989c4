"""A restaurant is one tenant."""

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey

RESTAURANT_CHANNEL = "restaurant_changed"
"""Postgres notifies on this channel when what a worker knows of a restaurant has changed; the
payload is the restaurant's id."""


class Restaurant(Base):
    """One restaurant, and how its assistant speaks."""

    __tablename__ = "restaurant"
    __table_args__ = (
        CheckConstraint("status IN ('onboarding', 'live', 'paused', 'closed')", name="status"),
        CheckConstraint("preparation_minutes BETWEEN 1 AND 240", name="preparation_minutes"),
    )

    id: Mapped[PrimaryKey]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    spoken_name: Mapped[str]
    address: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="Europe/Paris")
    phone_e164: Mapped[str]
    status: Mapped[str] = mapped_column(default="onboarding")
    preparation_minutes: Mapped[int] = mapped_column(default=20)
    voice: Mapped[str] = mapped_column(default="marin")
    realtime_model: Mapped[str] = mapped_column(default="gpt-realtime-2.1-mini")
    created_at: Mapped[CreatedAt]
