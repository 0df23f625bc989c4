"""Events for open pages, committed with what they tell of: a screen can miss none.

A trigger (first migration) serialises writers of one restaurant from the insert to their commit,
gives the row its id under that lock and notifies `OUTBOX_CHANNEL`. So ids of a restaurant become
visible in rising order, and a reader that has seen 7 will never find a 6 later.
"""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt

OUTBOX_CHANNEL = "event_outbox"
"""NOTIFY channel; its payload is the restaurant's id."""


class OutboxTopic(StrEnum):
    """What `payload` tells of."""

    ORDER_PLACED = "order_placed"
    """`{"order_id": uuid}`"""
    ORDER_STATUS_CHANGED = "order_status_changed"
    """`{"order_id": uuid, "status": text}`"""
    VOICE_MESSAGE_LEFT = "voice_message_left"
    """`{"voice_message_id": uuid}`"""
    VOICE_MESSAGE_HEARD = "voice_message_heard"
    """`{"voice_message_id": uuid}`"""


class EventOutbox(Base):
    """`id` is the SSE event id a page resumes from (`Last-Event-ID`). Insert it last."""

    __tablename__ = "event_outbox"
    __table_args__ = (Index(None, "restaurant_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
