"""Addresses that hear of a restaurant's orders and reservations, and what each was told."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class DeliveryState(StrEnum):
    """Says where a delivery is. A failed one goes out again only when somebody asks for it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebhookEndpoint(Base):
    """One address. What is committed to the outbox under its topics, a trigger writes down for it
    in the same transaction, as a `WebhookDelivery`.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint("url ~ '^https?://'", name="url"),
        CheckConstraint("cardinality(topics) >= 1", name="topics"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    url: Mapped[str]
    secret_encrypted: Mapped[str]
    """The key of its signatures, sealed for this restaurant."""
    topics: Mapped[list[str]] = mapped_column(ARRAY(Text))
    removed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """It is told nothing from then on; what it was told can still be read."""
    created_at: Mapped[CreatedAt]


class WebhookDelivery(Base):
    """One event for one address. The payload is the outbox's: ids and a status, nobody's name."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "endpoint_id", "event_id"),
        ForeignKeyConstraint(
            ["restaurant_id", "endpoint_id"],
            ["webhook_endpoint.restaurant_id", "webhook_endpoint.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(
            f"state IN ({', '.join(repr(str(state)) for state in DeliveryState)})", name="state"
        ),
        CheckConstraint("(state = 'pending') = (settled_at IS NULL)", name="settled_at"),
        CheckConstraint("attempts >= 0", name="attempts"),
        Index(
            "ix_webhook_delivery_due",
            "next_attempt_at",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(None, "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=text("gen_random_uuid()"))
    restaurant_id: Mapped[UUID]
    endpoint_id: Mapped[UUID]
    event_id: Mapped[int] = mapped_column(BigInteger)
    """The outbox's id: one restaurant's rise in the order in which things happened."""
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(
        default=DeliveryState.PENDING, server_default=text("'pending'")
    )
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    next_attempt_at: Mapped[Instant] = mapped_column(server_default=text("now()"))
    last_answer: Mapped[str | None]
    """What the last attempt met: an HTTP status such as "503", or "unreachable", "forbidden"…"""
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
