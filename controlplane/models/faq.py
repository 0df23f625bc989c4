"""What callers ask, and what the restaurant has them told: "Avez-vous une terrasse ?"."""

from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey

MOST_QUESTION: Final = 200
MOST_ANSWER: Final = 400
"""Some thirty seconds of speech: nobody listens longer."""


class Faq(Base):
    """One question with its answer; both are French, in the words the assistant says."""

    __tablename__ = "faq"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint(
            f"question <> '' AND char_length(question) <= {MOST_QUESTION}", name="question"
        ),
        CheckConstraint(f"answer <> '' AND char_length(answer) <= {MOST_ANSWER}", name="answer"),
        Index(None, "restaurant_id", "position"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    question: Mapped[str]
    answer: Mapped[str]
    position: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    """An inactive one is told to nobody."""
    created_at: Mapped[CreatedAt]
