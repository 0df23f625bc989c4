"""Which tables a reservation has, and for how long: Postgres itself refuses to give one twice."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class TableAssignment(Base):
    """A table is this reservation's `during` that time, `[starts_at, ends_at)`, as long as it is
    `active`. A combination has one row for each of its tables.
    """

    __tablename__ = "table_assignment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "reservation_id"],
            ["reservation.restaurant_id", "reservation.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "table_id"], ["dining_table.restaurant_id", "dining_table.id"]
        ),
        ExcludeConstraint(
            ("restaurant_id", "="),
            ("table_id", "="),
            ("during", "&&"),
            name="ex_table_assignment_during",
            using="gist",
            where=text("active"),
        ),
        CheckConstraint("NOT isempty(during)", name="during"),
        Index(None, "restaurant_id", "reservation_id"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    reservation_id: Mapped[UUID]
    table_id: Mapped[UUID]
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    active: Mapped[bool]
