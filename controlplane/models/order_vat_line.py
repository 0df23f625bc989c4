"""The VAT in an order, a line a rate, as it was when the order was placed."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base


class OrderVatLine(Base):
    """What an order has at one rate, in cents.

    Each line is right by itself, by its checks. That an order's lines add up to its total, and its
    dishes to `items_cents`, is no matter of one row: the trigger `order_adds_up` looks when the
    transaction commits. Totals the database generates would need the rounding rule twice.
    """

    __tablename__ = "order_vat_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            ondelete="CASCADE",
        ),
        CheckConstraint("rate_bp BETWEEN 0 AND 10000", name="rate_bp"),
        CheckConstraint("gross_cents >= 0", name="gross_cents"),
        CheckConstraint("net_cents + vat_cents = gross_cents", name="net_cents"),
        CheckConstraint(
            "vat_cents = (2 * gross_cents::bigint * rate_bp + 10000 + rate_bp)"
            " / (2 * (10000 + rate_bp))",
            name="vat_cents",
        ),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    rate_bp: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    gross_cents: Mapped[int]
    """What is paid, VAT included."""
    vat_cents: Mapped[int]
    """The rate's part of what is paid, half a cent up."""
    net_cents: Mapped[int]
