"""What an invoice bills, counted once more from its usage records; what a month comes to so far.

It needs neither the PDF's nor the XML's libraries, so that the site may ask it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.billing.billed_usage import billed_by, plan_of, summed
from controlplane.billing.invoice_lines import Line, Used, invoice_lines
from controlplane.billing.issued import document_of
from controlplane.models.invoice import Invoice
from controlplane.models.plan import Plan
from controlplane.models.usage_record import UsageKind, UsageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """How many calls and SMS were counted, and whether they come to what the invoice says."""

    calls: int
    sms: int
    same: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """What a month's usage comes to, net; `plan` None: the restaurant has none."""

    plan: Plan | None
    seconds: int
    sms: int
    net_cents: int


async def lines_of_usage(
    session: AsyncSession, invoice: Invoice, records: Iterable[UsageRecord]
) -> tuple[Line, ...]:
    """The lines that an invoice of these records has."""
    place = invoice.year, invoice.number
    used = await summed(session, invoice.restaurant_id, records, place)
    plan = await plan_of(session, invoice.restaurant_id, invoice.month)
    return invoice_lines(invoice.month, plan, used)


async def recount(session: AsyncSession, invoice: Invoice) -> Recount:
    """Count an invoice's usage once more; a credit note has none and is not asked."""
    records = await billed_by(session, invoice)
    document = await document_of(session, invoice)
    kinds = [record.kind for record in records]
    return Recount(
        calls=kinds.count(UsageKind.CALL),
        sms=kinds.count(UsageKind.SMS),
        same=await lines_of_usage(session, invoice, records) == tuple(document.lines),
    )


async def month_so_far(session: AsyncSession, restaurant_id: UUID, month: date) -> SoFar:
    """What a month that is not over comes to: nothing of it is on an invoice yet."""
    plan = await plan_of(session, restaurant_id, month)
    rows = await session.execute(
        select(UsageRecord.kind, func.sum(UsageRecord.quantity))
        .where(UsageRecord.restaurant_id == restaurant_id, UsageRecord.month == month)
        .group_by(UsageRecord.kind)
    )
    quantities = {UsageKind(kind): int(quantity) for kind, quantity in rows}
    used = [
        Used(month=month, plan=plan, kind=kind, quantity=quantity)
        for kind, quantity in quantities.items()
        if plan is not None
    ]
    return SoFar(
        plan=plan,
        seconds=quantities.get(UsageKind.CALL, 0),
        sms=quantities.get(UsageKind.SMS, 0),
        net_cents=sum(line.net_cents for line in invoice_lines(month, plan, used)),
    )
