"""What a restaurant's people are to do for somebody: call back, answer a complaint, find a coat."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class TaskKind(StrEnum):
    """Says what is to be done."""

    CALL_BACK = "call_back"
    COMPLAINT = "complaint"
    LOST_PROPERTY = "lost_property"
    OTHER = "other"


class TaskStatus(StrEnum):
    """Says where a task is. The last two are terminal: they never reopen."""

    OPEN = "open"
    TAKEN = "taken"
    """Somebody has it in hand."""
    DONE = "done"
    DISMISSED = "dismissed"
    """Nobody will do it."""


NEXT_STATUSES: Final[dict[TaskStatus, frozenset[TaskStatus]]] = {
    TaskStatus.OPEN: frozenset({TaskStatus.TAKEN, TaskStatus.DONE, TaskStatus.DISMISSED}),
    TaskStatus.TAKEN: frozenset({TaskStatus.OPEN, TaskStatus.DONE, TaskStatus.DISMISSED}),
    TaskStatus.DONE: frozenset(),
    TaskStatus.DISMISSED: frozenset(),
}
WAITING: Final = frozenset(status for status, following in NEXT_STATUSES.items() if following)
MOST_WORDS: Final = 500


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    known = ", ".join(repr(str(value)) for value in values)
    return CheckConstraint(f"{column} IN ({known})", name=column)


class Task(Base):
    """One thing to do. Its customer is found by the number, as an order's is."""

    __tablename__ = "task"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            ondelete="CASCADE",
        ),
        _one_of("kind", TaskKind),
        _one_of("status", TaskStatus),
        CheckConstraint(f"char_length(words) <= {MOST_WORDS}", name="words"),
        CheckConstraint("status <> 'taken' OR taken_by IS NOT NULL", name="taken_by"),
        CheckConstraint(
            "(status IN ('done', 'dismissed')) = (settled_at IS NOT NULL)", name="settled_at"
        ),
        Index(
            "ix_task_waiting",
            "restaurant_id",
            "due_at",
            postgresql_where=text("status IN ('open', 'taken')"),
        ),
        Index(None, "restaurant_id", "created_at"),
        Index(
            "uq_task_call_back",
            "restaurant_id",
            "order_id",
            unique=True,
            postgresql_where=text("kind = 'call_back'"),
        ),
        Index(
            None, "customer_phone_e164", postgresql_where=text("customer_phone_e164 IS NOT NULL")
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(default=TaskStatus.OPEN)
    words: Mapped[str] = mapped_column(default="", server_default=text("''"))
    """What it is about, in the words of whoever asked."""
    customer_name: Mapped[str | None]
    customer_phone_e164: Mapped[str | None]
    call_id: Mapped[UUID | None]
    """It is no foreign key: the task is committed during the call, and the recorder writes the
    call's row."""
    order_id: Mapped[UUID | None]
    due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """NULL: when there is time."""
    created_by: Mapped[str]
    """Who wrote it down: the assistant, or an actor as the audit log names them."""
    taken_by: Mapped[str | None]
    settled_by: Mapped[str | None]
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]
