"""A kitchen's printer that polls us, and the tickets it is to print."""

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


class PrinterProtocol(StrEnum):
    """Says how the printer polls."""

    STAR = "star"
    """By Star CloudPRNT."""
    EPSON = "epson"
    """By Epson Server Direct Print."""


class PrintState(StrEnum):
    """Says where a ticket is. The last two are terminal."""

    QUEUED = "queued"
    FETCHED = "fetched"
    """The printer has it and has not said yet whether it printed it."""
    PRINTED = "printed"
    DROPPED = "dropped"
    """Nobody needs it on paper any more."""


NEXT_PRINT_STATES: Final[dict[PrintState, frozenset[PrintState]]] = {
    PrintState.QUEUED: frozenset({PrintState.FETCHED, PrintState.DROPPED}),
    PrintState.FETCHED: frozenset({PrintState.QUEUED, PrintState.PRINTED, PrintState.DROPPED}),
    PrintState.PRINTED: frozenset(),
    PrintState.DROPPED: frozenset(),
}


class Printer(Base):
    """One printer, known by the token in the URL that it polls."""

    __tablename__ = "printer"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint("protocol IN ('star', 'epson')", name="protocol"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    protocol: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    polled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """It last asked at that time, to some seconds."""
    ready: Mapped[bool] = mapped_column(server_default=text("true"))
    """What it last said of itself: no paper, an open cover and a fault are not ready."""
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[CreatedAt]


class PrintJob(Base):
    """One ticket on one printer. Its text is made from the order as it is fetched."""

    __tablename__ = "print_job"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "printer_id", "order_id", "copy"),
        ForeignKeyConstraint(
            ["restaurant_id", "printer_id"],
            ["printer.restaurant_id", "printer.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            ondelete="CASCADE",
        ),
        Index(None, "restaurant_id", "order_id"),
        Index(
            "ix_print_job_open",
            "restaurant_id",
            "printer_id",
            postgresql_where=text("state IN ('queued', 'fetched')"),
        ),
        Index(None, "created_at"),
        CheckConstraint(
            f"state IN ({', '.join(repr(str(state)) for state in PrintState)})", name="state"
        ),
        CheckConstraint("copy > 0", name="copy"),
        CheckConstraint("fetches >= 0", name="fetches"),
        CheckConstraint(
            "(state IN ('printed', 'dropped')) = (settled_at IS NOT NULL)", name="settled_at"
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    printer_id: Mapped[UUID]
    order_id: Mapped[UUID]
    copy: Mapped[int]
    """1 is the order's own ticket, each further one was asked for."""
    state: Mapped[str] = mapped_column(server_default=text("'queued'"))
    fetches: Mapped[int] = mapped_column(server_default=text("0"))
    """How often the printer took it: from the second time on it may be on paper already."""
    created_at: Mapped[CreatedAt]
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
