"""Whom a restaurant wants told of an order that nobody accepts, and after how long."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class EscalationStep(Base):
    """One step of the restaurant's ladder."""

    __tablename__ = "escalation_step"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "after_seconds", "channel", "recipient"),
        CheckConstraint("after_seconds BETWEEN 30 AND 3600", name="after_seconds"),
        CheckConstraint("channel IN ('sms', 'email')", name="channel"),
        CheckConstraint("recipient <> ''", name="recipient"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    after_seconds: Mapped[int]
    """It counts from the order's commit."""
    channel: Mapped[str]
    recipient: Mapped[str]
    """E.164 or an address of the restaurant's own people."""
