"""What an owner's pages read of invoices: the list, one with its lines, and the usage it bills."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controlplane.billing.document import Document, written_number
from controlplane.billing.issued import document_of, find_invoice
from controlplane.models.call import Call
from controlplane.models.invoice import Invoice, InvoiceKind, InvoiceUsage
from controlplane.models.invoice_recipient import InvoiceRecipient
from controlplane.models.usage_record import UsageKind, UsageRecord

MOST_LISTED: Final = 120
"""Ten years of months; a credit note is rare."""
MOST_USED: Final = 100
"""A page of calls; the CSV has all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the list; `credited` names the credit note that takes an invoice back."""

    number: str
    kind: InvoiceKind
    month: date
    issued_on: date
    due_on: date
    total_cents: int
    credited: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One invoice with its lines, and how many of each kind it bills."""

    invoice: Invoice
    document: Document
    counts: dict[UsageKind, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """One thing that was used; `source` is the id of the call or of the SMS."""

    id: UUID
    kind: UsageKind
    source: str
    at: datetime
    quantity: int
    micros: int


async def list_invoices(session: AsyncSession, restaurant_id: UUID) -> list[Listed]:
    """The newest first."""
    note = aliased(Invoice)
    rows = await session.execute(
        select(Invoice, note.year, note.number)
        .outerjoin(note, and_(note.restaurant_id == restaurant_id, note.corrects_id == Invoice.id))
        .where(Invoice.restaurant_id == restaurant_id)
        .order_by(Invoice.year.desc(), Invoice.number.desc())
        .limit(MOST_LISTED)
    )
    return [
        Listed(
            number=written_number(row.year, row.number),
            kind=InvoiceKind(row.kind),
            month=row.month,
            issued_on=row.issued_on,
            due_on=row.due_on,
            total_cents=row.total_cents,
            credited=None if year is None else written_number(year, number),
        )
        for row, year, number in rows
    ]


async def recipient_name(session: AsyncSession, restaurant_id: UUID) -> str | None:
    """The firm that pays; None while nobody knows."""
    name: str | None = await session.scalar(
        select(InvoiceRecipient.name).where(InvoiceRecipient.restaurant_id == restaurant_id)
    )
    return name


async def shown_invoice(session: AsyncSession, number: str) -> Shown:
    """Return one with what it bills. Raises `NoSuchInvoice`."""
    invoice = await find_invoice(session, number)
    counts = await session.execute(
        select(UsageRecord.kind, func.count())
        .join(InvoiceUsage, _billed())
        .where(
            InvoiceUsage.restaurant_id == invoice.restaurant_id,
            InvoiceUsage.invoice_id == invoice.id,
        )
        .group_by(UsageRecord.kind)
    )
    return Shown(
        invoice=invoice,
        document=await document_of(session, invoice),
        counts={UsageKind(kind): count for kind, count in counts},
    )


async def usage_of(
    session: AsyncSession,
    invoice: Invoice,
    zone: ZoneInfo,
    kind: UsageKind,
    *,
    after: tuple[datetime, UUID] | None = None,
    limit: int | None = MOST_USED,
) -> list[UsageLine]:
    """What an invoice bills of one kind, the earliest first, after the line of this key."""
    query = (
        select(UsageRecord)
        .join(InvoiceUsage, _billed())
        .where(
            InvoiceUsage.restaurant_id == invoice.restaurant_id,
            InvoiceUsage.invoice_id == invoice.id,
            UsageRecord.kind == kind,
        )
        .order_by(UsageRecord.at, UsageRecord.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(UsageRecord.at, UsageRecord.id) > after)
    return [
        UsageLine(
            id=row.id,
            kind=UsageKind(row.kind),
            source=row.source,
            at=row.at.astimezone(zone),
            quantity=row.quantity,
            micros=row.micros,
        )
        for row in await session.scalars(query)
    ]


async def calls_kept(
    session: AsyncSession, restaurant_id: UUID, lines: Sequence[UsageLine]
) -> frozenset[str]:
    """The ids of those of these calls that can still be opened."""
    ids = [UUID(line.source) for line in lines if line.kind is UsageKind.CALL]
    found = await session.scalars(
        select(Call.id).where(Call.restaurant_id == restaurant_id, Call.id.in_(ids))
    )
    return frozenset(map(str, found))


async def file_of(session: AsyncSession, number: str, name: str) -> bytes:
    """The stored `pdf` or `xml`. Raises `NoSuchInvoice`."""
    invoice = await find_invoice(session, number)
    await session.refresh(invoice, [name])
    content: bytes = getattr(invoice, name)
    return content


def _billed() -> ColumnElement[bool]:
    return and_(
        InvoiceUsage.restaurant_id == UsageRecord.restaurant_id,
        InvoiceUsage.usage_id == UsageRecord.id,
    )
