"""What a restaurant used, each thing once, rated with the plan it had when it used it."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class UsageKind(StrEnum):
    """What was used: a call, an SMS, or a telephone number for a month."""

    CALL = "call"
    SMS = "sms"
    NUMBER = "number"


class UsageRecord(Base):
    """One thing used. Rows are only ever added (a trigger refuses more), and say nothing of
    callers: they outlive the call, as accounting does (Code de commerce, art. L123-22: ten years).
    """

    __tablename__ = "usage_record"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "kind", "source"),
        Index(None, "restaurant_id", "month"),
        CheckConstraint(f"kind IN ({', '.join(repr(str(k)) for k in UsageKind)})", name="kind"),
        CheckConstraint("EXTRACT(day FROM month) = 1", name="month"),
        CheckConstraint("quantity >= 0 AND (kind <> 'number' OR quantity = 1)", name="quantity"),
        CheckConstraint("micros >= 0", name="micros"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"))
    kind: Mapped[str]
    source: Mapped[str]
    """The id of the call or the SMS; of a number `YYYY-MM/n`."""
    at: Mapped[Instant]
    """The call began then: one that ends in the next month belongs to this one."""
    month: Mapped[date]
    """The first day of its month on the restaurant's own calendar."""
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plan.id"))
    quantity: Mapped[int]
    """Seconds of a call, parts of an SMS, 1 of a number."""
    micros: Mapped[int] = mapped_column(BigInteger)
    """What it costs net, in millionths of a euro, before what the plan includes."""
    realtime_model: Mapped[str | None]
    input_audio_tokens: Mapped[int] = mapped_column(default=0)
    input_text_tokens: Mapped[int] = mapped_column(default=0)
    cached_tokens: Mapped[int] = mapped_column(default=0)
    output_audio_tokens: Mapped[int] = mapped_column(default=0)
    output_text_tokens: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[CreatedAt]
