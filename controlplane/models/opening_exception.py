"""Dates on which a restaurant has other hours than its week says, or none."""

from datetime import date, time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class OpeningException(Base):
    """On this date the restaurant is open from `opens` to `closes`, past midnight when `closes` <=
    `opens`, and not at all when there are none. Each row of a date is a window; together they
    stand for the date's weekly ones.
    """

    __tablename__ = "opening_exception"
    __table_args__ = (
        CheckConstraint("(opens IS NULL) = (closes IS NULL)", name="hours"),
        Index(None, "restaurant_id", "date"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    date: Mapped[date]
    opens: Mapped[time | None]
    closes: Mapped[time | None]
