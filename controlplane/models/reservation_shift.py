"""When a restaurant gives tables away: "Déjeuner", "Dîner", each with its own rules.

Booking systems call it a shift; a service is one window of opening hours (docs/glossary.md).
"""

from datetime import time
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    SmallInteger,
    UniqueConstraint,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class ReservationShift(Base):
    """On these weekdays (0 = Monday) parties sit down from `first_seating` to `last_seating`, in
    the restaurant's wall time; past midnight when the last is before the first.
    """

    __tablename__ = "reservation_shift"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "name"),
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint(
            "cardinality(weekdays) BETWEEN 1 AND 7"
            " AND weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6]::smallint[]",
            name="weekdays",
        ),
        CheckConstraint("slot_minutes BETWEEN 5 AND 240", name="slot_minutes"),
        CheckConstraint("lead_minutes BETWEEN 0 AND 10080", name="lead_minutes"),
        CheckConstraint("furthest_days BETWEEN 0 AND 730", name="furthest_days"),
        CheckConstraint("cancel_minutes BETWEEN 0 AND 10080", name="cancel_minutes"),
        CheckConstraint("max_covers_a_slot >= 1", name="max_covers_a_slot"),
        CheckConstraint("max_covers >= 1", name="max_covers"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    first_seating: Mapped[time]
    last_seating: Mapped[time]
    slot_minutes: Mapped[int] = mapped_column(default=15, server_default=text("15"))
    """Guests sit down at the first seating and every so many minutes after it."""
    lead_minutes: Mapped[int] = mapped_column(default=60, server_default=text("60"))
    """A guest books at least so long before."""
    furthest_days: Mapped[int] = mapped_column(default=60, server_default=text("60"))
    """A guest books at most so many days before."""
    cancel_minutes: Mapped[int] = mapped_column(default=120, server_default=text("120"))
    """A guest changes or cancels at least so long before; the staff may at any time."""
    max_covers_a_slot: Mapped[int | None]
    """So many guests sit down in one slot: the kitchen serves no more at once. NULL: no limit."""
    max_covers: Mapped[int | None]
    """So many guests are served in the shift of one date. NULL: no limit."""
    active: Mapped[bool] = mapped_column(default=True, server_default=true())


class TurnTime(Base):
    """A party of up to `up_to_covers` keeps its table for `minutes`. A party larger than the
    largest of its shift is for the staff to book.
    """

    __tablename__ = "turn_time"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "shift_id"],
            ["reservation_shift.restaurant_id", "reservation_shift.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("up_to_covers BETWEEN 1 AND 200", name="up_to_covers"),
        CheckConstraint("minutes BETWEEN 15 AND 720", name="minutes"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    shift_id: Mapped[UUID] = mapped_column(primary_key=True)
    up_to_covers: Mapped[int] = mapped_column(primary_key=True)
    minutes: Mapped[int]
