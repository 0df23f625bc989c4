"""Events for open pages are committed with what they tell of, so a screen can miss none.

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
"""Postgres notifies on this channel; the payload is the restaurant's id."""


class OutboxTopic(StrEnum):
    """Says what happened, and so what `payload` holds."""

    ORDER_PLACED = "order_placed"
    """The payload is `{"order_id": uuid}`."""
    ORDER_STATUS_CHANGED = "order_status_changed"
    """The payload is `{"order_id": uuid, "status": text}`."""
    VOICE_MESSAGE_LEFT = "voice_message_left"
    """The payload is `{"voice_message_id": uuid}`."""
    VOICE_MESSAGE_HEARD = "voice_message_heard"
    """The payload is `{"voice_message_id": uuid}`."""
    RESERVATION_CHANGED = "reservation_changed"
    """The payload is `{"reservation_id": uuid, "status": text}`."""
    LINE_CROSSED_OFF = "line_crossed_off"
    """The payload is `{"order_id": uuid}`."""
    AVAILABILITY_CHANGED = "availability_changed"
    """A dish, an option or an ingredient ran out or is there again; the payload is `{}`."""
    BUSY_CHANGED = "busy_changed"
    """The payload is `{}`: the page reads how busy the kitchen says it is."""
    TASK_CHANGED = "task_changed"
    """The payload is `{"task_id": uuid, "status": text}`."""
    CALL_CHANGED = "call_changed"
    """A call began, ended, or something was said in it; the payload is `{"call_id": uuid}`."""
    ACCESS_CHANGED = "access_changed"
    """Somebody's role changed or a tablet was taken away; the payload is `{}`: each open stream
    asks whether it is still let in."""


class EventOutbox(Base):
    """A page resumes from `id`, its SSE event id (`Last-Event-ID`). The row is to be inserted last
    in its transaction.
    """

    __tablename__ = "event_outbox"
    __table_args__ = (Index(None, "restaurant_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
