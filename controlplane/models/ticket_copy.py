"""Tickets that a browser printed: whoever prints the same again gets a marked one."""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class TicketCopy(Base):
    """One ticket of one order on paper, by the browser of a member or a tablet."""

    __tablename__ = "ticket_copy"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
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
    printed_at: Mapped[CreatedAt]
