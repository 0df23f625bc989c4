"""Ingredients whose absence takes every dish that cannot be made without them."""

from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, Instant, PrimaryKey


class Ingredient(Base):
    """One thing that may run out, such as "pâte à pizza"."""

    __tablename__ = "ingredient"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "name"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    sold_out_until: Mapped[Instant | None]


class ItemIngredient(Base):
    """Says which dishes need which ingredient."""

    __tablename__ = "item_ingredient"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "item_id"],
            ["menu_item.restaurant_id", "menu_item.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "ingredient_id"],
            ["ingredient.restaurant_id", "ingredient.id"],
            ondelete="CASCADE",
        ),
        Index("ix_item_ingredient_restaurant_id_ingredient_id", "restaurant_id", "ingredient_id"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    ingredient_id: Mapped[UUID] = mapped_column(primary_key=True)
