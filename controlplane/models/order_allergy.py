"""An allergy told with an order is an event of its own kind, not a remark among others."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class OrderAllergy(Base):
    """What the caller said they are allergic to, and who at the restaurant has seen it.

    The order is not handed over before somebody has. It is data concerning health (RGPD, art. 9):
    the row goes with what else is known of the caller.
    """

    __tablename__ = "order_allergy"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            ondelete="CASCADE",
        ),
        Index(None, "restaurant_id", "order_id"),
        Index(None, "restaurant_id", "created_at"),
        CheckConstraint("words <> ''", name="words"),
        CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged_by"
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID]
    words: Mapped[str]
    """The caller's own: people are allergic to more than the fourteen that must be declared."""
    created_at: Mapped[CreatedAt]
    acknowledged_at: Mapped[Instant | None]
    acknowledged_by: Mapped[str | None]
