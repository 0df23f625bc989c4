"""Issued invoices, read again: as rows, and as the document they were made of."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.billing.document import Corrected, Document, Party, Seller, written_number
from controlplane.billing.errors import NoSuchInvoice
from controlplane.billing.invoice_lines import Line
from controlplane.models.invoice import Invoice, InvoiceKind, InvoiceLine, LineKind


async def find_invoice(session: AsyncSession, written: str) -> Invoice:
    """The invoice of that number, `2026-000012`. Raises `NoSuchInvoice`."""
    year, _, number = written.partition("-")
    if not (year.isdecimal() and number.isdecimal()):
        raise NoSuchInvoice(written)
    found = await session.scalar(
        select(Invoice).where(Invoice.year == int(year[:6]), Invoice.number == int(number[:9]))
    )
    if found is None:
        raise NoSuchInvoice(written)
    return found


async def document_of(session: AsyncSession, invoice: Invoice) -> Document:
    """What the rows say; its amounts are worked out anew from the lines."""
    return Document(
        kind=InvoiceKind(invoice.kind),
        number=written_number(invoice.year, invoice.number),
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        month=invoice.month,
        seller=Seller(**invoice.seller),
        buyer=Party(**invoice.buyer),
        lines=await _lines(session, invoice.restaurant_id, invoice.id),
        corrected=await _corrected(session, invoice),
        vat_bp=invoice.vat_rate_bp,
    )


async def _corrected(session: AsyncSession, invoice: Invoice) -> Corrected | None:
    if invoice.corrects_id is None:
        return None
    taken_back = await session.get_one(Invoice, invoice.corrects_id)
    return Corrected(
        number=written_number(taken_back.year, taken_back.number),
        issued_on=taken_back.issued_on,
        reason=invoice.reason,
    )


async def _lines(session: AsyncSession, restaurant_id: UUID, invoice_id: UUID) -> tuple[Line, ...]:
    rows = await session.scalars(
        select(InvoiceLine)
        .where(InvoiceLine.restaurant_id == restaurant_id, InvoiceLine.invoice_id == invoice_id)
        .order_by(InvoiceLine.position)
    )
    return tuple(
        Line(
            kind=LineKind(row.kind),
            month=row.month,
            plan_id=row.plan_id,
            description=row.description,
            quantity=row.quantity,
            unit_micros=row.unit_micros,
            per=row.per,
        )
        for row in rows
    )
