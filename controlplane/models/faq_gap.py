"""Questions nobody could answer, so that the restaurant answers them once and for all."""

from enum import StrEnum
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

from controlplane.models.base import Base, Instant, PrimaryKey
from controlplane.models.faq import MOST_QUESTION


class GapStatus(StrEnum):
    """Says what became of a question. The last two are terminal: asked again, it is counted."""

    OPEN = "open"
    ANSWERED = "answered"
    DISMISSED = "dismissed"


class FaqGap(Base):
    """One question, however often and in whatever spelling it is asked."""

    __tablename__ = "faq_gap"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "words"),
        ForeignKeyConstraint(
            ["restaurant_id", "faq_id"],
            ["faq.restaurant_id", "faq.id"],
            ondelete="SET NULL (faq_id)",
        ),
        CheckConstraint(
            f"status IN ({', '.join(repr(str(status)) for status in GapStatus)})", name="status"
        ),
        CheckConstraint(
            f"words <> '' AND char_length(words) <= {MOST_QUESTION}"
            f" AND char_length(question) <= {MOST_QUESTION}",
            name="words",
        ),
        CheckConstraint("times >= 1", name="times"),
        Index(None, "restaurant_id", "last_asked_at"),
        Index(None, "call_id", postgresql_where=text("call_id IS NOT NULL")),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    words: Mapped[str]
    """The question without case, accents, punctuation and long numbers: what makes it the same."""
    question: Mapped[str]
    """As it was asked last."""
    times: Mapped[int]
    status: Mapped[str]
    faq_id: Mapped[UUID | None]
    """The answer it got."""
    call_id: Mapped[UUID | None]
    """It was asked last in this call; no foreign key, for the recorder writes the call's row."""
    last_asked_at: Mapped[Instant]
