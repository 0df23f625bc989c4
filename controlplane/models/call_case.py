"""What somebody at a restaurant found wrong in a call: each is a case the assistant is tried on."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey

MOST_BETTER: Final = 500


class CaseKind(StrEnum):
    """Says what was wrong."""

    DISH = "dish"
    """The wrong dish, or the wrong option."""
    PRICE = "price"
    TIME = "time"
    MISHEARD = "misheard"
    NO_HUMAN = "no_human"
    """Somebody should have been put through."""
    TONE = "tone"
    OTHER = "other"


_KINDS: Final = ", ".join(repr(str(kind)) for kind in CaseKind)


class CallCase(Base):
    """One fault of one turn, or of a whole call. It goes with the call's transcript."""

    __tablename__ = "call_case"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint(
            "restaurant_id",
            "call_id",
            "turn_id",
            "kind",
            name="uq_call_case_fault",
            postgresql_nulls_not_distinct=True,
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "call_id"], ["call.restaurant_id", "call.id"], ondelete="CASCADE"
        ),
        CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        CheckConstraint(f"char_length(better) <= {MOST_BETTER}", name="better"),
        Index(None, "restaurant_id", "called_at"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    call_id: Mapped[UUID]
    turn_id: Mapped[UUID | None]
    """None: the whole call was wrong. It is no foreign key: a turn that is gone takes the whole
    transcript with it, and this row by its `called_at`."""
    kind: Mapped[str]
    better: Mapped[str] = mapped_column(default="")
    """What the assistant should have said or done, in the words of who reports it."""
    called_at: Mapped[Instant]
    """The call began then: the row is kept as long as the call's transcript."""
    reported_by: Mapped[str]
    """An actor as the audit log names them."""
    reported_at: Mapped[CreatedAt]
