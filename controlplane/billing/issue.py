"""An invoice is issued whole, in one transaction: number, lines, what it bills, XML and PDF.

One is issued at a time, under a lock of the whole series: numbers have no gap, and a later number
never has an earlier date.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controlplane.billing.billed_usage import plan_of, summed, unbilled
from controlplane.billing.document import (
    DUE_AFTER,
    Corrected,
    Document,
    Party,
    Seller,
    written_number,
)
from controlplane.billing.errors import (
    AlreadyCredited,
    AlreadyInvoiced,
    MonthNotOver,
    NoRecipient,
    NothingToBill,
)
from controlplane.billing.facturx_xml import facturx_xml
from controlplane.billing.invoice_lines import Line, invoice_lines
from controlplane.billing.issued import document_of
from controlplane.billing.months import month_begins, next_month
from controlplane.billing.pdf import facturx_pdf
from controlplane.billing.usage import SETTLED, rate_calls, rate_numbers, rate_sms
from controlplane.contracts.identifiers import new_id
from controlplane.models.invoice import Invoice, InvoiceKind, InvoiceLine, InvoiceUsage
from controlplane.models.invoice_counter import InvoiceCounter
from controlplane.models.invoice_recipient import InvoiceRecipient
from controlplane.models.restaurant import Restaurant

SERIES_LOCK: Final = 0x696E766F69636573  # "invoices"
SERIES_WAIT: Final = "120s"
"""An invoice takes about a second to make, and others may be waited for."""
SERIES_DEADLINES: Final = (
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
)
"""Its page is drawn under the lock, while Postgres is asked nothing."""
OUR_ZONE: Final = ZoneInfo("Europe/Paris")
"""An invoice is dated where its seller is."""

Clock: TypeAlias = Callable[[], datetime]
Render: TypeAlias = Callable[[Document, bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who issues, by which clock, and what makes the PDF."""

    seller: Seller
    clock: Clock
    render: Render = facturx_pdf


async def issue(
    session: AsyncSession, restaurant: Restaurant, month: date, *, issuer: Issuer
) -> Invoice:
    """Bill a month and what came late of those before; the caller commits.

    Raises `MonthNotOver`, `AlreadyInvoiced`, `NothingToBill`, `NoRecipient`, `NotFacturX`,
    `NoRenderer`, and then has changed nothing that is committed.
    """
    ends = month_begins(next_month(month), restaurant.timezone)
    if issuer.clock() < ends + SETTLED:
        raise MonthNotOver(month)
    await _lock_series(session)
    edition = await _next_edition(session, restaurant.id, month)
    buyer = await _buyer(session, restaurant)
    await session.execute(*rate_calls(restaurant.id, now=issuer.clock()))
    await session.execute(*rate_sms(restaurant.id))
    await session.execute(*rate_numbers(restaurant.id, month))
    pending = await unbilled(session, restaurant.id, month)
    issued_on, number = await _next_number(session, issuer.clock)
    place = issued_on.year, number
    records = [record for record, _ in pending]
    used = await summed(session, restaurant.id, records, place)
    lines = invoice_lines(month, await plan_of(session, restaurant.id, month), used)
    if not lines:
        raise NothingToBill(restaurant.slug, month)
    document = Document(
        kind=InvoiceKind.INVOICE,
        number=written_number(*place),
        issued_on=issued_on,
        due_on=issued_on + DUE_AFTER,
        month=month,
        seller=issuer.seller,
        buyer=buyer,
        lines=lines,
    )
    head = Invoice(restaurant_id=restaurant.id, number=number, edition=edition)
    invoice = await _write(session, head, document, issuer.render)
    await _bill(session, invoice, ((record.id, before + 1) for record, before in pending))
    return invoice


async def credit(
    session: AsyncSession, invoice: Invoice, *, reason: str, issuer: Issuer
) -> Invoice:
    """Take the whole of an invoice back: what it billed may be invoiced again. The caller commits.

    Raises `AlreadyCredited`, also for what is a credit note itself.
    """
    await _lock_series(session)
    if invoice.kind != InvoiceKind.INVOICE or await _is_credited(session, invoice):
        raise AlreadyCredited(written_number(invoice.year, invoice.number))
    taken_back = await document_of(session, invoice)
    issued_on, number = await _next_number(session, issuer.clock)
    document = Document(
        kind=InvoiceKind.CREDIT_NOTE,
        number=written_number(issued_on.year, number),
        issued_on=issued_on,
        due_on=issued_on,
        month=invoice.month,
        seller=issuer.seller,
        buyer=taken_back.buyer,
        lines=taken_back.lines,
        corrected=Corrected(
            number=taken_back.number, issued_on=taken_back.issued_on, reason=reason
        ),
        vat_bp=invoice.vat_rate_bp,
    )
    head = Invoice(
        restaurant_id=invoice.restaurant_id,
        number=number,
        edition=invoice.edition,
        corrects_id=invoice.id,
        reason=reason,
    )
    return await _write(session, head, document, issuer.render)


async def _lock_series(session: AsyncSession) -> None:
    for setting in SERIES_DEADLINES:
        await session.execute(
            text("SELECT set_config(:setting, :wait, true)"),
            {"setting": setting, "wait": SERIES_WAIT},
        )
    await session.execute(select(func.pg_advisory_xact_lock(SERIES_LOCK)))


async def _next_number(session: AsyncSession, clock: Clock) -> tuple[date, int]:
    """Today and its year's next number: the lock is held, so no other date comes in between."""
    today = clock().astimezone(OUR_ZONE).date()
    first = postgresql.insert(InvoiceCounter).values(year=today.year, last=1)
    taken = first.on_conflict_do_update(
        index_elements=["year"], set_={"last": InvoiceCounter.last + 1}
    )
    number = await session.scalar(taken.returning(InvoiceCounter.last))
    assert number is not None
    return today, number


async def _next_edition(session: AsyncSession, restaurant_id: UUID, month: date) -> int:
    note = aliased(Invoice)
    found = await session.execute(
        select(Invoice.year, Invoice.number, note.id)
        .outerjoin(note, (note.restaurant_id == restaurant_id) & (note.corrects_id == Invoice.id))
        .where(
            Invoice.restaurant_id == restaurant_id,
            Invoice.kind == InvoiceKind.INVOICE,
            Invoice.month == month,
        )
    )
    earlier = found.all()
    for year, number, credit_id in earlier:
        if credit_id is None:
            raise AlreadyInvoiced(month, written_number(year, number))
    return len(earlier) + 1


async def _is_credited(session: AsyncSession, invoice: Invoice) -> bool:
    query = select(Invoice.id).where(
        Invoice.restaurant_id == invoice.restaurant_id, Invoice.corrects_id == invoice.id
    )
    return await session.scalar(query) is not None


async def _buyer(session: AsyncSession, restaurant: Restaurant) -> Party:
    recipient = await session.get(InvoiceRecipient, restaurant.id)
    if recipient is None:
        raise NoRecipient(restaurant.slug)
    return Party(**{name: getattr(recipient, name) for name in Party.model_fields})


async def _write(
    session: AsyncSession, head: Invoice, document: Document, render: Render
) -> Invoice:
    """Complete the row from the document, with its files, and add it with its lines."""
    head.id = new_id()
    head.kind = document.kind
    head.year = document.issued_on.year
    head.month = document.month
    head.issued_on = document.issued_on
    head.due_on = document.due_on
    head.seller = document.seller.model_dump()
    head.buyer = document.buyer.model_dump()
    head.line_count = len(document.lines)
    head.net_cents = document.net_cents
    head.vat_rate_bp = document.vat_bp
    head.vat_cents = document.vat_cents
    head.total_cents = document.total_cents
    head.xml = facturx_xml(document)
    head.pdf = render(document, head.xml)
    session.add(head)
    await session.flush()
    session.add_all(_rows(head, document.lines))
    await session.flush()
    return head


def _rows(invoice: Invoice, lines: Sequence[Line]) -> list[InvoiceLine]:
    return [
        InvoiceLine(
            restaurant_id=invoice.restaurant_id,
            invoice_id=invoice.id,
            position=position,
            kind=line.kind,
            month=line.month,
            plan_id=line.plan_id,
            description=line.description,
            quantity=line.quantity,
            unit_micros=line.unit_micros,
            per=line.per,
            net_cents=line.net_cents,
        )
        for position, line in enumerate(lines, 1)
    ]


async def _bill(
    session: AsyncSession, invoice: Invoice, billed: Iterable[tuple[UUID, int]]
) -> None:
    rows = [
        {
            "restaurant_id": invoice.restaurant_id,
            "usage_id": usage_id,
            "billing": billing,
            "invoice_id": invoice.id,
        }
        for usage_id, billing in billed
    ]
    if rows:
        await session.execute(insert(InvoiceUsage), rows)
