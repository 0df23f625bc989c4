"""The record of calls, which the recorder writes from the call events stream."""

from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.models.base import Base, Instant, PrimaryKey


class Call(Base):
    """One incoming call. A column stays null until the event that tells it arrives."""

    __tablename__ = "call"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        Index(None, "restaurant_id", "started_at"),
        Index(None, "caller_number", postgresql_where=text("caller_number IS NOT NULL")),
        Index(
            "ix_call_unrated",
            "restaurant_id",
            "started_at",
            postgresql_where=text("NOT rated AND duration_ms > 0 AND time_to_agent_ms IS NOT NULL"),
        ),
        CheckConstraint(
            f"outcome IN ({', '.join(repr(str(outcome)) for outcome in CallOutcome)})",
            name="outcome",
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"))
    bridge_id: Mapped[str | None]
    worker_id: Mapped[str | None]
    channel_uuid: Mapped[UUID | None]
    sip_call_id: Mapped[str | None]
    caller_number: Mapped[str | None]
    started_at: Mapped[Instant | None]
    time_to_agent_ms: Mapped[int | None]
    disclosure_played_at: Mapped[Instant | None]
    ended_at: Mapped[Instant | None]
    duration_ms: Mapped[int | None]
    hangup_cause: Mapped[str | None]
    outcome: Mapped[str | None]
    order_id: Mapped[UUID | None]
    menu_version: Mapped[int | None]
    """The number of the menu version that its caller was told from; the order names its own."""
    realtime_model: Mapped[str | None]
    input_audio_tokens: Mapped[int] = mapped_column(default=0)
    input_text_tokens: Mapped[int] = mapped_column(default=0)
    cached_tokens: Mapped[int] = mapped_column(default=0)
    output_audio_tokens: Mapped[int] = mapped_column(default=0)
    output_text_tokens: Mapped[int] = mapped_column(default=0)
    rated: Mapped[bool] = mapped_column(server_default=text("false"))
    """Its usage record is written; a call that nobody billed stays false."""


class CallTurn(Base):
    """One turn of speech or tool call. Its id is its event's: recording twice is harmless."""

    __tablename__ = "call_turn"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "call_id"], ["call.restaurant_id", "call.id"], ondelete="CASCADE"
        ),
        Index(None, "restaurant_id", "call_id"),
        Index(None, "restaurant_id", "at"),
        CheckConstraint("role IN ('caller', 'agent', 'tool')", name="role"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    call_id: Mapped[UUID]
    position: Mapped[int]
    role: Mapped[str]
    text: Mapped[str]
    """What was said as far as it was heard; of a tool, how it ended."""
    unheard: Mapped[str | None]
    """What the assistant would have said, had its caller not cut it short."""
    heard_ms: Mapped[int | None]
    tool_name: Mapped[str | None]
    told: Mapped[str | None]
    """What the tool told the assistant, in words."""
    at: Mapped[Instant]
