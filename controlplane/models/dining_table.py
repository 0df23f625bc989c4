"""The tables of a restaurant; `table` is a word of SQL."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class DiningTable(Base):
    """A table is given to parties of `min_covers` to `max_covers`."""

    __tablename__ = "dining_table"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "name"),
        ForeignKeyConstraint(
            ["restaurant_id", "area_id"], ["dining_area.restaurant_id", "dining_area.id"]
        ),
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint(
            "1 <= min_covers AND min_covers <= max_covers AND max_covers <= 100", name="covers"
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    area_id: Mapped[UUID]
    name: Mapped[str]
    """Staff call it so: "12", "fenêtre"."""
    min_covers: Mapped[int]
    max_covers: Mapped[int]
    position: Mapped[int]
    """The lower one is taken of two tables that suit a party equally."""
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    """An inactive table is given to nobody; who has it keeps it."""
