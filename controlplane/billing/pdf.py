"""An invoice as people read it: one PDF/A-3 that carries its Factur-X file.

WeasyPrint renders our own template alone, which names no other file: it may fetch none.
"""

import io
from datetime import date
from decimal import Decimal
from typing import Final, NoReturn

import facturx
from jinja2 import Environment, PackageLoader, StrictUndefined
from pypdf import PdfReader

from controlplane.billing.document import NO_DISCOUNT, RECOVERY_FEE, Document
from controlplane.billing.errors import NoRenderer
from controlplane.billing.facturx_xml import LEVEL
from controlplane.billing.invoice_lines import Line
from controlplane.models.invoice import LineKind

PDF_VARIANT: Final = "pdf/a-3b"
NARROW: Final = "\N{NARROW NO-BREAK SPACE}"
NO_BREAK: Final = "\N{NO-BREAK SPACE}"
UNIT_NAMES: Final = {
    LineKind.BASE: "mois",
    LineKind.NUMBERS: "numéro",
    LineKind.CALLS: "min",
    LineKind.SMS: "SMS",
}


def facturx_pdf(document: Document, xml: bytes) -> bytes:
    """The document's PDF with `xml` in it. Raises `NoRenderer` where Pango is missing."""
    # Not at the top: listing and checking invoices need no Pango, which loads with this.
    try:
        from weasyprint import HTML
    except OSError as error:
        raise NoRenderer(str(error).splitlines()[0]) from error
    page = HTML(string=_html(document), url_fetcher=_fetch_nothing)
    plain: bytes = page.write_pdf(pdf_variant=PDF_VARIANT)
    made: bytes = facturx.generate_from_binary(
        plain, xml, flavor="factur-x", level=LEVEL, check_xsd=False, lang="fr-FR"
    )
    return made


def attached_xml(pdf: bytes) -> bytes | None:
    """The Factur-X file that a PDF carries."""
    _, xml = facturx.get_facturx_xml_from_pdf(pdf, check_xsd=False)
    return xml or None


def printed_text(pdf: bytes) -> str:
    """What is printed on all pages, each run of white space as one space."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def amount(cents: int) -> str:
    """`1 234,50 €`, in no-break spaces."""
    return f"{_french(Decimal(cents).scaleb(-2), 2)}{NO_BREAK}€"


def unit_price(line: Line) -> str:
    """`0,15 € / min`: all decimals a price has, and two at least."""
    price = Decimal(line.unit_micros).scaleb(-6).normalize()
    _, _, exponent = price.as_tuple()
    decimals = max(2, -int(exponent))
    return f"{_french(price, decimals)}{NO_BREAK}€{NO_BREAK}/{NO_BREAK}{UNIT_NAMES[line.kind]}"


def quantity(line: Line) -> str:
    """`12 min 05 s` of calls, else the number."""
    if line.kind is not LineKind.CALLS:
        return str(line.quantity)
    minutes, seconds = divmod(line.quantity, line.per)
    return f"{minutes}{NO_BREAK}min{NO_BREAK}{seconds:02}{NO_BREAK}s"


def french_date(day: date) -> str:
    """The day as `28/11/2026`."""
    return f"{day:%d/%m/%Y}"


def _french(value: Decimal, decimals: int) -> str:
    return f"{value:,.{decimals}f}".replace(",", NARROW).replace(".", ",")


def _html(document: Document) -> str:
    environment = Environment(
        loader=PackageLoader("controlplane.billing"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {
        "amount": amount,
        "date": french_date,
        "quantity": quantity,
        "unit_price": unit_price,
    }
    return environment.get_template("invoice.html").render(
        document=document,
        rate=_french(Decimal(document.vat_bp).scaleb(-2).normalize(), 0),
        mentions=[document.seller.late_payment, RECOVERY_FEE, NO_DISCOUNT],
    )


def _fetch_nothing(url: str) -> NoReturn:
    raise ValueError("an invoice's template names no other file")
