"""How much a restaurant takes a slot, and what each slot has taken."""

from datetime import datetime, time
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.opening import OpeningKind
from controlplane.models.base import Base, Instant, PrimaryKey

_KINDS = ", ".join(repr(str(kind)) for kind in OpeningKind)


class PacingUnit(StrEnum):
    """Says what a slot is measured in."""

    ORDERS = "orders"
    ITEMS = "items"
    COVERS = "covers"
    CENTS = "cents"


class PacingRule(Base):
    """At most `most` of `unit` are promised a slot of `slot_minutes`, for all of `kinds` together,
    on its weekdays (0 = Monday) from `opens` to `closes`, past midnight when `closes` <= `opens`.

    Slots are counted from the full hour of UTC. Another length is another rule: counters of the
    old one would begin elsewhere.
    """

    __tablename__ = "pacing_rule"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        CheckConstraint("slot_minutes IN (5, 10, 15, 20, 30, 60)", name="slot_minutes"),
        CheckConstraint(
            f"unit IN ({', '.join(repr(str(unit)) for unit in PacingUnit)})", name="unit"
        ),
        CheckConstraint("most > 0", name="most"),
        CheckConstraint(f"kinds <@ ARRAY[{_KINDS}] AND kinds <> '{{}}'", name="kinds"),
        CheckConstraint("weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]", name="weekdays"),
        CheckConstraint("(opens IS NULL) = (closes IS NULL)", name="hours"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    weekdays: Mapped[list[int]] = mapped_column(
        ARRAY(SmallInteger), default=list, server_default=text("'{}'")
    )
    """None named: every day."""
    opens: Mapped[time | None]
    closes: Mapped[time | None]
    """Both are the restaurant's wall time; NULL: at any hour."""
    slot_minutes: Mapped[int]
    unit: Mapped[str]
    most: Mapped[int]


class SlotCounter(Base):
    """What one slot of one rule has taken: whoever takes more locks this row."""

    __tablename__ = "slot_counter"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "pacing_rule_id"],
            ["pacing_rule.restaurant_id", "pacing_rule.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("used >= 0", name="used"),
        Index(None, "slot_start"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    pacing_rule_id: Mapped[UUID] = mapped_column(primary_key=True)
    slot_start: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    used: Mapped[int]


class SlotUse(Base):
    """What an order or a reservation took of a slot, so that it is given back exactly once."""

    __tablename__ = "slot_use"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "pacing_rule_id", "slot_start"],
            [
                "slot_counter.restaurant_id",
                "slot_counter.pacing_rule_id",
                "slot_counter.slot_start",
            ],
            ondelete="CASCADE",
        ),
        CheckConstraint("amount > 0", name="amount"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    holder_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The order's id, or the reservation's."""
    pacing_rule_id: Mapped[UUID] = mapped_column(primary_key=True)
    slot_start: Mapped[Instant]
    amount: Mapped[int]
