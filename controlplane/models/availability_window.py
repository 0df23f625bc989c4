"""When a dish, or a whole category, may be had: a lunch menu on weekdays from 11:30 to 14:30."""

from datetime import time
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class AvailabilityWindow(Base):
    """On `weekdays` (0 = Monday) it may be had from `opens` to `closes`, wall time of the
    restaurant; past midnight when `closes` <= `opens`. What has no window may always be had.
    """

    __tablename__ = "availability_window"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        ForeignKeyConstraint(
            ["restaurant_id", "category_id"],
            ["menu_category.restaurant_id", "menu_category.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "item_id"],
            ["menu_item.restaurant_id", "menu_item.id"],
            ondelete="CASCADE",
        ),
        Index("ix_availability_window_restaurant_id_category_id", "restaurant_id", "category_id"),
        Index("ix_availability_window_restaurant_id_item_id", "restaurant_id", "item_id"),
        CheckConstraint("num_nonnulls(category_id, item_id) = 1", name="of_one"),
        CheckConstraint(
            "weekdays <@ ARRAY[0, 1, 2, 3, 4, 5, 6] AND weekdays <> '{}'", name="weekdays"
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    category_id: Mapped[UUID | None]
    item_id: Mapped[UUID | None]
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    opens: Mapped[time]
    closes: Mapped[time]
    position: Mapped[int]
