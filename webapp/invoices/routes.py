"""Invoices, for the owner who has just said their password: what was issued, what each bills down
to the call, its files as they were issued.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.billing.document import written_number
from controlplane.billing.errors import NoSuchInvoice
from controlplane.billing.issued import find_invoice
from controlplane.billing.months import month_of
from controlplane.billing.recount import month_so_far, recount
from controlplane.models.invoice import InvoiceKind
from controlplane.models.usage_record import UsageKind
from webapp import charts
from webapp.invoices import words
from webapp.invoices.queries import (
    MOST_USED,
    calls_kept,
    file_of,
    list_invoices,
    recipient_name,
    shown_invoice,
    usage_of,
)
from webapp.place import OwnerSure, Place

router = APIRouter(prefix="/place/{restaurant_id}/invoices", include_in_schema=False)

T = TypeVar("T")
FILES = {"pdf": "application/pdf", "xml": "application/xml"}


@router.get("")
async def invoices_page(place: OwnerSure) -> HTMLResponse:
    """Show what was issued, and what this month comes to so far."""
    now = datetime.now(UTC)
    month = month_of(now, place.frame.timezone)
    async with place.session() as session:
        found = await list_invoices(session, place.restaurant_id)
        payer = await recipient_name(session, place.restaurant_id)
        so_far = await month_so_far(session, place.restaurant_id, month)
    return place.page(
        "invoices/list.html",
        invoices=found,
        payer=payer,
        so_far=so_far,
        now=now.astimezone(place.zone),
        gauge=charts.gauge,
        words=words,
    )


@router.get("/{number}/calls.csv")
async def calls_csv(place: OwnerSure, number: str) -> Response:
    """Send every call and SMS that the invoice bills."""

    async def read(session: AsyncSession) -> str:
        invoice = await find_invoice(session, number)
        lines = [
            line
            for kind in words.KIND_NAMES
            for line in await usage_of(session, invoice, place.zone, kind, limit=None)
        ]
        return words.usage_csv(lines)

    content = await _find(place, read)
    return _download(content.encode(), "text/csv; charset=utf-8", f"{_name(number)}-usage.csv")


@router.get("/{number}.{kind}")
async def invoice_file(place: OwnerSure, number: str, kind: str) -> Response:
    """Send the PDF, which carries the Factur-X file, or that file alone, as they were issued."""
    if kind not in FILES:
        raise HTTPException(404)
    content = await _find(place, lambda session: file_of(session, number, kind))
    return _download(content, FILES[kind], f"{_name(number)}.{kind}")


@router.get("/{number}")
async def invoice_page(place: OwnerSure, number: str) -> HTMLResponse:
    """Show one invoice, as it would be printed."""
    shown = await _find(place, lambda session: shown_invoice(session, number))
    return place.page("invoices/invoice.html", shown=shown, document=shown.document, words=words)


@router.post("/{number}/recount")
async def recount_invoice(place: OwnerSure, number: str) -> Response:
    """Count its usage once more, and say whether it comes to the same."""

    async def read(session: AsyncSession) -> str:
        invoice = await find_invoice(session, number)
        if invoice.kind != InvoiceKind.INVOICE:
            raise NoSuchInvoice(number)
        return words.recounted(await recount(session, invoice))

    said = await _find(place, read)
    return place.back(f"/invoices/{_name(number)}", said=said)


@router.get("/{number}/usage/{kind}")
async def usage_page(
    place: OwnerSure,
    number: str,
    kind: UsageKind,
    at: Annotated[datetime | None, Query()] = None,
    after: Annotated[UUID | None, Query()] = None,
) -> HTMLResponse:
    """List the calls, or the SMS, that an invoice bills; each call leads to its story."""
    if kind not in words.KIND_NAMES:
        raise HTTPException(404)
    key = (at, after) if at is not None and at.tzinfo and after is not None else None
    async with place.session() as session:
        try:
            invoice = await find_invoice(session, number)
        except NoSuchInvoice:
            raise HTTPException(404) from None
        lines = await usage_of(session, invoice, place.zone, kind, after=key)
        kept = await calls_kept(session, place.restaurant_id, lines)
    return place.page(
        "invoices/usage.html",
        number=written_number(invoice.year, invoice.number),
        kind=kind,
        lines=lines,
        kept=kept,
        more=lines[-1] if len(lines) == MOST_USED else None,
        words=words,
    )


async def _find(place: Place, read: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Read in a session of the restaurant: an invoice of another is none."""
    async with place.session() as session:
        try:
            return await read(session)
        except NoSuchInvoice:
            raise HTTPException(404) from None


def _name(number: str) -> str:
    """The number as it is written; whatever was found has one."""
    year, _, rest = number.partition("-")
    return written_number(int(year), int(rest))


def _download(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
