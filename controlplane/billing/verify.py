"""An issued invoice is worked out anew: from its calls and SMS; its rows, XML and PDF are held
against each other.

Nothing is changed. A problem is a sentence for an admin; none means that all agree.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.billing.amounts import MICROS_PER_CENT, call_micros, seconds_of
from controlplane.billing.billed_usage import billed_by
from controlplane.billing.document import Document
from controlplane.billing.facturx_xml import contradictions, schema_problems
from controlplane.billing.issued import document_of, find_invoice
from controlplane.billing.months import month_of
from controlplane.billing.pdf import amount, attached_xml, french_date, printed_text
from controlplane.billing.recount import lines_of_usage
from controlplane.billing.usage import TOKENS
from controlplane.models.call import Call
from controlplane.models.invoice import Invoice, InvoiceKind
from controlplane.models.invoice_counter import InvoiceCounter
from controlplane.models.notification import Notification
from controlplane.models.plan import Plan
from controlplane.models.restaurant import Restaurant
from controlplane.models.usage_record import UsageKind, UsageRecord

AT_ONCE: Final = 1_000
"""One query asks for so many rows."""

Source: TypeAlias = Call | Notification
Kept = TypeVar("Kept", Call, Notification)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """How many calls and SMS were compared, how many are kept no longer, what is wrong."""

    calls_compared: int
    calls_gone: int
    sms_compared: int
    sms_gone: int
    problems: tuple[str, ...]


async def verify(session: AsyncSession, written: str) -> Verified:
    """Verify the invoice or credit note of that number. Raises `NoSuchInvoice`."""
    invoice = await find_invoice(session, written)
    await session.refresh(invoice, ["xml", "pdf"])
    document = await document_of(session, invoice)
    records: list[UsageRecord] = []
    calls: dict[str, Call] = {}
    sms: dict[str, Notification] = {}
    problems = [*_totals(invoice, document)]
    if invoice.kind == InvoiceKind.INVOICE:
        records = await billed_by(session, invoice)
        calls = await _sources(session, invoice, Call, _written(records, UsageKind.CALL))
        sms = await _sources(session, invoice, Notification, _written(records, UsageKind.SMS))
        problems += await _usage_problems(session, invoice, records, {**calls, **sms})
        problems += await _line_problems(session, invoice, document, records)
    else:
        problems += await _credit_problems(session, invoice, document)
    problems += _file_problems(invoice, document)
    return Verified(
        calls_compared=len(calls),
        calls_gone=len(_written(records, UsageKind.CALL)) - len(calls),
        sms_compared=len(sms),
        sms_gone=len(_written(records, UsageKind.SMS)) - len(sms),
        problems=tuple(problems),
    )


async def numbers_missing(session: AsyncSession, year: int) -> list[int]:
    """The numbers of a year's series that no document has, and those beyond its counter."""
    last = await session.scalar(select(InvoiceCounter.last).where(InvoiceCounter.year == year))
    found = set(await session.scalars(select(Invoice.number).where(Invoice.year == year)))
    return sorted(found ^ set(range(1, (last or 0) + 1)))


def _totals(invoice: Invoice, document: Document) -> Iterator[str]:
    for name in ("net_cents", "vat_cents", "total_cents"):
        stored, worked_out = getattr(invoice, name), getattr(document, name)
        if stored != worked_out:
            yield f"{name} is {stored}, its lines come to {worked_out}"


def _written(records: Iterable[UsageRecord], kind: UsageKind) -> list[str]:
    """The ids of what was used of one kind, as records write them."""
    return [record.source for record in records if record.kind == kind]


async def _sources(
    session: AsyncSession, invoice: Invoice, model: type[Kept], ids: Sequence[str]
) -> dict[str, Kept]:
    """Those of these calls or SMS that are still kept, by id."""
    kept: dict[str, Kept] = {}
    for start in range(0, len(ids), AT_ONCE):
        found = await session.scalars(
            select(model).where(
                model.restaurant_id == invoice.restaurant_id,
                model.id.in_(ids[start : start + AT_ONCE]),
            )
        )
        kept |= {str(row.id): row for row in found}
    return kept


async def _usage_problems(
    session: AsyncSession,
    invoice: Invoice,
    records: Iterable[UsageRecord],
    sources: Mapping[str, Source],
) -> list[str]:
    """Where a record differs from its call or SMS, or from the price its plan has."""
    restaurant = await session.get_one(Restaurant, invoice.restaurant_id)
    plans = {plan.id: plan for plan in await session.scalars(select(Plan))}
    problems = []
    for record in records:
        if source := sources.get(record.source):
            named = f"{record.kind} {source.id}"
            expected = _rated(source, plans[record.plan_id], restaurant.timezone)
            problems += [
                f"{named}: {name} is {getattr(record, name)!s}, the {record.kind} says {value!s}"
                for name, value in expected.items()
                if getattr(record, name) != value
            ]
        elif record.micros != _price(record, plans[record.plan_id]):
            problems.append(f"{record.kind} {record.source}: its price is not its plan's")
    return problems


def _rated(source: Source, plan: Plan, timezone: str) -> dict[str, Any]:
    """What the record of a call or an SMS has to say."""
    if isinstance(source, Call):
        return _rated_call(source, plan, timezone)
    parts = source.sms_parts or 0
    return {
        "at": source.settled_at,
        "month": source.settled_at and month_of(source.settled_at, timezone),
        "quantity": parts,
        "micros": parts * plan.sms_micros,
    }


def _rated_call(call: Call, plan: Plan, timezone: str) -> dict[str, Any]:
    seconds = seconds_of(call.duration_ms or 0)
    return {
        "at": call.started_at,
        "month": call.started_at and month_of(call.started_at, timezone),
        "quantity": seconds,
        "micros": call_micros(seconds, plan.minute_micros),
        "realtime_model": call.realtime_model,
        **{name: getattr(call, name) for name in TOKENS},
    }


def _price(record: UsageRecord, plan: Plan) -> int:
    match UsageKind(record.kind):
        case UsageKind.CALL:
            return call_micros(record.quantity, plan.minute_micros)
        case UsageKind.SMS:
            return record.quantity * plan.sms_micros
        case UsageKind.NUMBER:
            return plan.number_fee_cents * MICROS_PER_CENT


async def _line_problems(
    session: AsyncSession, invoice: Invoice, document: Document, records: list[UsageRecord]
) -> list[str]:
    expected = await lines_of_usage(session, invoice, records)
    if expected == tuple(document.lines):
        return []
    stored, worked_out = (
        [f"{line.description} = {amount(line.net_cents)}" for line in lines]
        for lines in (document.lines, expected)
    )
    return [f"its lines are {stored}, its usage comes to {worked_out}"]


async def _credit_problems(
    session: AsyncSession, invoice: Invoice, document: Document
) -> list[str]:
    taken_back = await session.get_one(Invoice, invoice.corrects_id)
    same = (await document_of(session, taken_back)).lines == document.lines
    return [] if same else ["its lines are not those of the invoice it takes back"]


def _file_problems(invoice: Invoice, document: Document) -> list[str]:
    """Where XML and PDF differ from the rows, and what XML schema and rules refuse."""
    problems = [f"XML: {problem}" for problem in schema_problems(invoice.xml)]
    if not problems:
        differing = contradictions(invoice.xml, document)
        problems += [f"XML: {name} is not what the rows say" for name in differing]
    if attached_xml(invoice.pdf) != invoice.xml:
        problems.append("PDF: it does not carry the XML that is stored")
    text = printed_text(invoice.pdf)
    missing = [words for words in _printed(document) if " ".join(words.split()) not in text]
    return problems + [f"PDF: {words!r} is not printed" for words in missing]


def _printed(document: Document) -> list[str]:
    """What a reader must find on the pages."""
    totals = (document.net_cents, document.vat_cents, document.total_cents)
    return [
        document.number,
        french_date(document.issued_on),
        document.seller.name,
        document.buyer.name,
        *(amount(line.net_cents) for line in document.lines),
        *map(amount, totals),
    ]
