"""Invoices and credit notes: whole when they are issued, and never changed after."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, PrimaryKey


class InvoiceKind(StrEnum):
    """A credit note takes back the whole of one invoice; its amounts are positive too."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class LineKind(StrEnum):
    """What a line bills, in the order of an invoice."""

    BASE = "base"
    NUMBERS = "numbers"
    CALLS = "calls"
    SMS = "sms"


class Invoice(Base):
    """One issued document with its files. Triggers refuse any change, a number out of turn, and
    lines that do not add up to it.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("year", "number"),
        UniqueConstraint("restaurant_id", "kind", "month", "edition"),
        ForeignKeyConstraint(
            ["restaurant_id", "corrects_id"], ["invoice.restaurant_id", "invoice.id"]
        ),
        CheckConstraint(f"kind IN ({', '.join(repr(str(k)) for k in InvoiceKind)})", name="kind"),
        CheckConstraint("(kind = 'credit_note') = (corrects_id IS NOT NULL)", name="corrects_id"),
        CheckConstraint("(kind = 'credit_note') = (reason <> '')", name="reason"),
        CheckConstraint("EXTRACT(year FROM issued_on) = year", name="year"),
        CheckConstraint("EXTRACT(day FROM month) = 1", name="month"),
        CheckConstraint("due_on >= issued_on", name="due_on"),
        CheckConstraint("edition >= 1", name="edition"),
        CheckConstraint("net_cents >= 0", name="net_cents"),
        CheckConstraint(
            "vat_cents = (2 * net_cents * vat_rate_bp + 10000) / 20000", name="vat_cents"
        ),
        CheckConstraint("total_cents = net_cents + vat_cents", name="total_cents"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"))
    kind: Mapped[str]
    year: Mapped[int]
    number: Mapped[int]
    """It counts from 1 in each year, over all restaurants and both kinds, without a gap."""
    month: Mapped[date]
    edition: Mapped[int]
    """A month is invoiced again once its invoice was credited; the credit note has its edition."""
    corrects_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(default="")
    """Says why the invoice is taken back; it is printed."""
    issued_on: Mapped[date]
    due_on: Mapped[date]
    seller: Mapped[dict[str, Any]] = mapped_column(JSONB)
    buyer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What `Seller` and `Buyer` of `controlplane/billing/document.py` were on that day."""
    line_count: Mapped[int]
    net_cents: Mapped[int] = mapped_column(BigInteger)
    vat_rate_bp: Mapped[int]
    vat_cents: Mapped[int] = mapped_column(BigInteger)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    pdf: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    xml: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[CreatedAt]


class InvoiceLine(Base):
    """One line; the table checks its arithmetic, rounded once, half a cent up."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "invoice_id"], ["invoice.restaurant_id", "invoice.id"]
        ),
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "invoice_id", "position"),
        CheckConstraint(f"kind IN ({', '.join(repr(str(k)) for k in LineKind)})", name="kind"),
        CheckConstraint("quantity >= 0 AND unit_micros >= 0 AND per >= 1", name="positive"),
        CheckConstraint(
            "net_cents = (2 * quantity * unit_micros + per * 10000) / (2 * per * 10000)",
            name="net_cents",
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    position: Mapped[int]
    kind: Mapped[str]
    month: Mapped[date]
    """Another one than the invoice's when its usage came late."""
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plan.id"))
    description: Mapped[str]
    quantity: Mapped[int] = mapped_column(BigInteger)
    """Seconds of calls; months, numbers, parts of SMS."""
    unit_micros: Mapped[int] = mapped_column(BigInteger)
    """`per` units cost so much net: calls are priced by 60 seconds."""
    per: Mapped[int] = mapped_column(BigInteger)
    net_cents: Mapped[int] = mapped_column(BigInteger)


class InvoiceUsage(Base):
    """Says which invoice bills a usage record. It is billed again (`billing` 2, 3…) only once the
    invoice before was credited; a trigger sees to it.
    """

    __tablename__ = "invoice_usage"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "usage_id"], ["usage_record.restaurant_id", "usage_record.id"]
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "invoice_id"], ["invoice.restaurant_id", "invoice.id"]
        ),
        Index(None, "restaurant_id", "invoice_id"),
        CheckConstraint("billing >= 1", name="billing"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    usage_id: Mapped[UUID] = mapped_column(primary_key=True)
    billing: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    invoice_id: Mapped[UUID]
