"""What somebody is to be told by SMS or e-mail: committed with what it tells of, then sent.

`event_outbox` is no place for it: that one is read again and again by many pages and forgotten
after days, while a notification has one recipient, is sent once, and ends in a state of its own.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class Channel(StrEnum):
    """Says how somebody is told."""

    SMS = "sms"
    EMAIL = "email"


class NotificationState(StrEnum):
    """Says what became of it. All but the first are terminal."""

    PENDING = "pending"
    SENT = "sent"
    """A provider took it. Whether it was delivered, networks do not say reliably."""
    FAILED = "failed"
    """No provider took it in time, or one refused it for good."""
    SUPPRESSED = "suppressed"
    """It was not to be sent: no mobile number, no consent, no longer true."""


NEXT_STATES: Final[dict[NotificationState, frozenset[NotificationState]]] = {
    NotificationState.PENDING: frozenset(
        {NotificationState.SENT, NotificationState.FAILED, NotificationState.SUPPRESSED}
    ),
    NotificationState.SENT: frozenset(),
    NotificationState.FAILED: frozenset(),
    NotificationState.SUPPRESSED: frozenset(),
}


class Notification(Base):
    """One message to one recipient. Its words, where it has any, go as soon as it is settled."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "key"),
        Index(None, "restaurant_id", "created_at"),
        Index(
            "ix_notification_due",
            "next_attempt_at",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(None, "restaurant_id", "recipient"),
        Index(
            "ix_notification_unrated",
            "restaurant_id",
            "settled_at",
            postgresql_where=text("NOT rated AND sms_parts IS NOT NULL"),
        ),
        CheckConstraint("channel IN ('sms', 'email')", name="channel"),
        CheckConstraint(
            f"state IN ({', '.join(repr(str(state)) for state in NotificationState)})",
            name="state",
        ),
        CheckConstraint("kind ~ '^[a-z_]{1,40}$'", name="kind"),
        CheckConstraint("attempts >= 0", name="attempts"),
        CheckConstraint("(state = 'pending') = (settled_at IS NULL)", name="settled_at"),
        CheckConstraint("state = 'suppressed' OR recipient IS NOT NULL", name="recipient"),
        CheckConstraint("state = 'pending' OR (subject = '' AND body = '')", name="words"),
        CheckConstraint(
            "(state IN ('failed', 'suppressed')) = (reason IS NOT NULL)", name="reason"
        ),
        CheckConstraint(
            "sms_parts IS NULL OR (channel = 'sms' AND state = 'sent' AND sms_parts >= 1)",
            name="sms_parts",
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    key: Mapped[str]
    """What is told twice under one key is one row. It holds ids, never a number."""
    kind: Mapped[str]
    channel: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'pending'"))
    recipient: Mapped[str | None]
    """E.164 or an address; NULL where there is nobody to write to, as when a number is hidden."""
    about_id: Mapped[UUID | None]
    """The order or reservation of which it tells; no foreign key, for it is of either table."""
    subject: Mapped[str] = mapped_column(server_default=text("''"))
    body: Mapped[str] = mapped_column(server_default=text("''"))
    """Its writer's own words; without, it is worded when it is sent, by what is true then."""
    reason: Mapped[str | None]
    """Why it failed or was suppressed: a word of ours, never a provider's text."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[Instant]
    """A sender that takes it puts this off: who dies while sending leaves it to another."""
    expires_at: Mapped[Instant]
    """Told later it would be of no use, or wrong."""
    provider_id: Mapped[str | None]
    """Under this name its provider finds it."""
    sms_parts: Mapped[int | None]
    """How many SMS an operator takes it for; counted as it is sent, for its words go then."""
    rated: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its usage record is written."""
    created_at: Mapped[CreatedAt]
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
