"""What a kitchen has made of an order that it has not finished: lines crossed off one by one."""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class CrossedLine(Base):
    """One line, or one dish of a set menu's line, that is crossed off on the kitchen's screens."""

    __tablename__ = "crossed_line"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "line_id", "part_id"),
        ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            ondelete="CASCADE",
        ),
        Index(None, "restaurant_id", "order_id"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID]
    line_id: Mapped[UUID]
    """It is of the order's lines, which are neither deleted nor changed."""
    part_id: Mapped[UUID]
    """The option that is the dish, of a set menu's; else the line itself."""
    crossed_at: Mapped[CreatedAt]
