"""`alloresto invoice`: issue, credit, list, show and verify what restaurants are billed."""

from dataclasses import asdict
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.billing.document import Document, written_number
from controlplane.billing.issue import Issuer
from controlplane.billing.issue import credit as credit_invoice
from controlplane.billing.issue import issue as issue_invoice
from controlplane.billing.issued import document_of, find_invoice
from controlplane.billing.pdf import amount, quantity, unit_price
from controlplane.billing.seller import SellerSettings
from controlplane.billing.verify import Verified, numbers_missing
from controlplane.billing.verify import verify as verify_invoice
from controlplane.commands import record
from controlplane.commands.admin_database import ask_restaurant, in_transaction
from controlplane.commands.invoice_options import Checked, Month, printable
from controlplane.commands.options import (
    json_lines_option,
    json_option,
    restaurant_argument,
)
from controlplane.models.invoice import Invoice, InvoiceKind
from controlplane.models.restaurant import Restaurant
from controlplane.text_table import table

number_argument = click.argument("number", metavar="NUMBER", help="As printed: 2026-000012.")


@click.command()
@restaurant_argument
@click.argument("month", type=Month(), metavar="MONTH", help="2026-11: it must be over.")
@json_option
def issue(*, restaurant: str, month: date, as_json: bool) -> None:
    """Issue a month's invoice, once; ALLORESTO_SELLER_… say who sells."""
    owner, invoice = ask_restaurant(
        restaurant, partial(issue_invoice, month=month, issuer=_issuer())
    )
    _tell(owner.slug, invoice, as_json=as_json)


@click.command()
@number_argument
@click.option(
    "--reason", type=Checked(printable), required=True, help="It is printed: 'Mauvaise adresse'."
)
@json_option
def credit(*, number: str, reason: str, as_json: bool) -> None:
    """Take a whole invoice back; its month may then be issued anew."""
    issuer = _issuer()

    async def work(session: AsyncSession) -> tuple[str, Invoice]:
        invoice = await find_invoice(session, number)
        owner = await session.get_one(Restaurant, invoice.restaurant_id)
        return owner.slug, await credit_invoice(session, invoice, reason=reason, issuer=issuer)

    slug, note = in_transaction(work)
    _tell(slug, note, as_json=as_json)


@click.command()
@click.argument("restaurant", required=False, metavar="[RESTAURANT]", help="All, if left out.")
@json_lines_option
def list_(*, restaurant: str | None, as_json: bool) -> None:
    """One line per invoice and credit note, the newest first."""
    query = select(Restaurant.slug, Invoice).join(Invoice, Invoice.restaurant_id == Restaurant.id)
    query = query.order_by(Invoice.year.desc(), Invoice.number.desc())

    async def of_one(session: AsyncSession, owner: Restaurant) -> list[tuple[str, Invoice]]:
        rows = await session.execute(query.where(Restaurant.id == owner.id))
        return [(slug, invoice) for slug, invoice in rows]

    async def of_all(session: AsyncSession) -> list[tuple[str, Invoice]]:
        return [(slug, invoice) for slug, invoice in await session.execute(query)]

    found = in_transaction(of_all) if restaurant is None else ask_restaurant(restaurant, of_one)[1]
    rows = [_summary(slug, invoice) for slug, invoice in found]
    if as_json:
        for row in rows:
            print(record.as_json(row))
        return
    names = ("number", "kind", "restaurant", "month", "issued_on")
    cells = [
        [*(str(row[name]) for name in names), _signed(invoice)]
        for row, (_, invoice) in zip(rows, found, strict=True)
    ]
    print(table(("NUMBER", "KIND", "RESTAURANT", "MONTH", "ISSUED", "TOTAL"), cells))


@click.command()
@number_argument
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="Write it there.")
@click.option("--xml", type=click.Path(path_type=Path, dir_okay=False), help="Write it there.")
def show(*, number: str, pdf: Path | None, xml: Path | None) -> None:
    """Its lines and totals; its files, where they are asked for."""

    async def work(session: AsyncSession) -> tuple[Document, bytes, bytes]:
        invoice = await find_invoice(session, number)
        await session.refresh(invoice, ["pdf", "xml"])
        return await document_of(session, invoice), invoice.pdf, invoice.xml

    document, pdf_file, xml_file = in_transaction(work)
    for path, content in ((pdf, pdf_file), (xml, xml_file)):
        if path:
            path.write_bytes(content)
    _show(document)


@click.command()
@number_argument
@json_option
def verify(*, number: str, as_json: bool) -> int:
    """Work it out anew from its calls and SMS; compare rows, XML and PDF. 1 when they differ."""

    async def work(session: AsyncSession) -> tuple[Verified, list[int]]:
        verified = await verify_invoice(session, number)
        return verified, await numbers_missing(session, int(number.partition("-")[0]))

    verified, missing = in_transaction(work)
    problems = [*verified.problems, *(f"the year has no number {one}" for one in missing)]
    if as_json:
        print(record.as_json(asdict(verified) | {"problems": problems}))
    else:
        for problem in problems:
            print(problem)
        verdict = f"{len(problems)} problems" if problems else "all agree"
        print(
            f"{number}: {verdict}; {verified.calls_compared} calls compared,"
            f" {verified.calls_gone} no longer kept; {verified.sms_compared} SMS compared,"
            f" {verified.sms_gone} no longer kept"
        )
    return 1 if problems else 0


def _issuer() -> Issuer:
    seller = SellerSettings.from_environment().seller()
    return Issuer(seller=seller, clock=lambda: datetime.now(UTC))


def _tell(slug: str, invoice: Invoice, *, as_json: bool) -> None:
    summary = _summary(slug, invoice)
    print(
        record.as_json(summary)
        if as_json
        else f"{slug}: {summary['kind']} {summary['number']}, {_signed(invoice)}"
    )


def _summary(slug: str, invoice: Invoice) -> dict[str, str | int]:
    return {
        "number": written_number(invoice.year, invoice.number),
        "kind": invoice.kind,
        "restaurant": slug,
        "month": f"{invoice.month:%Y-%m}",
        "issued_on": invoice.issued_on.isoformat(),
        "net_cents": invoice.net_cents,
        "vat_cents": invoice.vat_cents,
        "total_cents": invoice.total_cents,
    }


def _signed(invoice: Invoice) -> str:
    sign = "-" if invoice.kind == InvoiceKind.CREDIT_NOTE else ""
    return f"{sign}{amount(invoice.total_cents)}"


def _show(document: Document) -> None:
    heads = {
        "number": document.number,
        "kind": document.kind,
        "issued": document.issued_on.isoformat(),
        "due": document.due_on.isoformat(),
        "buyer": document.buyer.name,
        "corrects": document.corrected.number if document.corrected else "-",
    }
    print(record.fields(heads))
    rows = [
        (line.description, quantity(line), unit_price(line), amount(line.net_cents))
        for line in document.lines
    ]
    print(table(("LINE", "QUANTITY", "PRICE", "NET"), rows))
    totals = {
        "net": amount(document.net_cents),
        "VAT": amount(document.vat_cents),
        "total": amount(document.total_cents),
    }
    print(record.fields(totals))
