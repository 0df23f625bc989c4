"""Which version of a plan a restaurant has, from which month on."""

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class Subscription(Base):
    """It counts from a month's first day, in the restaurant's zone, until a later one's: two of one
    restaurant cannot overlap.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "from_month"),
        CheckConstraint("EXTRACT(day FROM from_month) = 1", name="from_month"),
        CheckConstraint("numbers BETWEEN 0 AND 100", name="numbers"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"))
    from_month: Mapped[date]
    plan_id: Mapped[UUID | None] = mapped_column(ForeignKey("plan.id"))
    """None: from this month on the restaurant has no plan, and is billed nothing."""
    numbers: Mapped[int] = mapped_column(default=0)
    """So many telephone numbers are provided by us."""
    created_at: Mapped[CreatedAt]
