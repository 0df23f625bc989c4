"""Tables that are pushed together for a party that none of them seats alone."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class TableCombination(Base):
    """A combination is given to parties of `min_covers` to `max_covers`, and takes each of its
    tables.
    """

    __tablename__ = "table_combination"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "name"),
        CheckConstraint("name <> ''", name="name"),
        CheckConstraint(
            "1 <= min_covers AND min_covers <= max_covers AND max_covers <= 200", name="covers"
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    min_covers: Mapped[int]
    max_covers: Mapped[int]
    active: Mapped[bool] = mapped_column(default=True, server_default=true())


class CombinedTable(Base):
    """Says which tables a combination takes."""

    __tablename__ = "combined_table"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "combination_id"],
            ["table_combination.restaurant_id", "table_combination.id"],
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "table_id"],
            ["dining_table.restaurant_id", "dining_table.id"],
        ),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    combination_id: Mapped[UUID] = mapped_column(primary_key=True)
    table_id: Mapped[UUID] = mapped_column(primary_key=True)
