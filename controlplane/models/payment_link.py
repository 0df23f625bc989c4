"""An order may be paid by a link: the database holds its amount to the order's total."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class PaymentLinkStatus(StrEnum):
    """Says where a link is. What was received, `payment_movement` says."""

    CREATED = "created"
    SENT = "sent"
    """Its customer is told of it by SMS; one that is only created no SMS reaches."""
    PAID = "paid"
    EXPIRED = "expired"
    """Its time was over before it was paid."""
    CANCELLED = "cancelled"
    """Its order was corrected, given up or handed over before it was paid."""
    REFUNDED = "refunded"
    """All that was received by it has been given back."""


NEXT_LINK_STATUSES: Final[dict[PaymentLinkStatus, frozenset[PaymentLinkStatus]]] = {
    PaymentLinkStatus.CREATED: frozenset(
        {
            PaymentLinkStatus.SENT,
            PaymentLinkStatus.PAID,
            PaymentLinkStatus.EXPIRED,
            PaymentLinkStatus.CANCELLED,
        }
    ),
    PaymentLinkStatus.SENT: frozenset(
        {PaymentLinkStatus.PAID, PaymentLinkStatus.EXPIRED, PaymentLinkStatus.CANCELLED}
    ),
    PaymentLinkStatus.PAID: frozenset({PaymentLinkStatus.REFUNDED}),
    PaymentLinkStatus.EXPIRED: frozenset(),
    PaymentLinkStatus.CANCELLED: frozenset(),
    PaymentLinkStatus.REFUNDED: frozenset(),
}
"""Money that comes after the end is recorded all the same, and the status stays."""
OPEN: Final = frozenset({PaymentLinkStatus.CREATED, PaymentLinkStatus.SENT})
"""Its customer may still pay."""


class PaymentLink(Base):
    """One order's link. It opens one Checkout Session of the provider's at most."""

    __tablename__ = "payment_link"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "order_id"),
        UniqueConstraint("restaurant_id", "session_id"),
        ForeignKeyConstraint(
            ["restaurant_id", "order_id", "amount_cents"],
            ["order.restaurant_id", "order.id", "order.total_cents"],
        ),
        CheckConstraint("amount_cents > 0", name="amount_cents"),
        CheckConstraint("expires_at > created_at", name="expires_at"),
        CheckConstraint("(session_id IS NULL) = (session_url IS NULL)", name="session_url"),
        CheckConstraint(
            f"status IN ({', '.join(repr(str(status)) for status in PaymentLinkStatus)})",
            name="status",
        ),
        Index(
            "ix_payment_link_open",
            "expires_at",
            postgresql_where=text("status IN ('created', 'sent')"),
        ),
        Index(
            "ix_payment_link_to_close",
            "expires_at",
            postgresql_where=text(
                "status IN ('expired', 'cancelled') AND session_id IS NOT NULL"
                " AND session_closed_at IS NULL"
            ),
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID]
    amount_cents: Mapped[int]
    required: Mapped[bool]
    """The restaurant makes the order once it is paid, or once it says so itself."""
    status: Mapped[str]
    expires_at: Mapped[Instant]
    """From then on the order is paid where it is handed over."""
    session_id: Mapped[str | None]
    """The provider's id of the Checkout Session (`cs_…`), once its customer has opened the link."""
    session_url: Mapped[str | None]
    session_closed_at: Mapped[Instant | None]
    """The provider takes no payment by this session since then."""
    created_at: Mapped[CreatedAt]
