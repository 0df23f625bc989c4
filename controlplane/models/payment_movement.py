"""Money that reached a restaurant by a link, or went back. Rows are only ever added."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class MovementKind(StrEnum):
    """Says which way the money went."""

    RECEIVED = "received"
    REFUNDED = "refunded"


class PaymentMovement(Base):
    """One payment or refund, as the provider's event tells of it. No role may change a row, nor may
    the owner of the table, whom a trigger stops.
    """

    __tablename__ = "payment_movement"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "event_id"),
        ForeignKeyConstraint(
            ["restaurant_id", "link_id"], ["payment_link.restaurant_id", "payment_link.id"]
        ),
        Index(
            "uq_payment_movement_received",
            "restaurant_id",
            "payment_intent",
            unique=True,
            postgresql_where=text("kind = 'received'"),
        ),
        Index(None, "restaurant_id", "link_id"),
        CheckConstraint(f"kind IN ({', '.join(repr(str(k)) for k in MovementKind)})", name="kind"),
        CheckConstraint("amount_cents > 0", name="amount_cents"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    link_id: Mapped[UUID]
    kind: Mapped[str]
    amount_cents: Mapped[int]
    payment_intent: Mapped[str]
    """The provider's id of the payment (`pi_…`): it is received once, and refunded in parts."""
    event_id: Mapped[str]
    """The event that told of it (`evt_…`)."""
    at: Mapped[CreatedAt]
