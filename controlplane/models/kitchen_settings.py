"""What a restaurant lets happen in its kitchen by itself; no row is nothing."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class KitchenSettings(Base):
    """Which orders are accepted without anybody's tap."""

    __tablename__ = "kitchen_settings"
    __table_args__ = (
        CheckConstraint("most_cents BETWEEN 1 AND 100000", name="most_cents"),
        CheckConstraint("most_dishes BETWEEN 1 AND 99", name="most_dishes"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), primary_key=True
    )
    auto_accept: Mapped[bool]
    most_cents: Mapped[int]
    """An order that costs more waits for somebody, as does one of more dishes."""
    most_dishes: Mapped[int]


class DishAge(Base):
    """How long a category's dishes may wait, from when the order is accepted, before its ticket
    turns amber, and then red.
    """

    __tablename__ = "dish_age"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "category_id"),
        ForeignKeyConstraint(
            ["restaurant_id", "category_id"],
            ["menu_category.restaurant_id", "menu_category.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint(
            "amber_minutes BETWEEN 1 AND red_minutes AND red_minutes <= 240", name="minutes"
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    category_id: Mapped[UUID]
    amber_minutes: Mapped[int]
    red_minutes: Mapped[int]
