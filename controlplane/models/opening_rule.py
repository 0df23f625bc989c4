"""The hours at which a restaurant is open, in its own wall time."""

from datetime import time
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class OpeningRule(Base):
    """The restaurant is open on this weekday (0 = Monday) from `opens` to `closes`; past midnight
    when `closes` <= `opens`.
    """

    __tablename__ = "opening_rule"
    __table_args__ = (CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),)

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), index=True
    )
    weekday: Mapped[int]
    opens: Mapped[time]
    closes: Mapped[time]
