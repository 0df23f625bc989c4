"""Builders of invoices in memory."""

from datetime import date
from typing import Any
from uuid import UUID

from controlplane.billing.document import Document, Party, Seller
from controlplane.billing.invoice_lines import Used, invoice_lines
from controlplane.billing.seller import LEGAL_LATE_RATE
from controlplane.models.invoice import InvoiceKind
from controlplane.models.plan import Plan
from controlplane.models.usage_record import UsageKind

NOVEMBER = date(2026, 11, 1)
PLAN = Plan(
    id=UUID(int=1),
    code="essentiel",
    version=1,
    name="Essentiel",
    base_fee_cents=4_900,
    included_minutes=100,
    minute_micros=150_000,
    number_fee_cents=200,
    sms_micros=70_000,
)
SELLER = Seller(
    name="AlloResto Démo",
    legal_form="SAS au capital de 10 000 €",
    siren="552100554",
    vat_number="FR96552100554",
    registered="RCS Lyon",
    street="2 quai des Tests",
    postcode="69002",
    city="Lyon",
    iban="FR7630006000011234567890189",
    late_rate=LEGAL_LATE_RATE,
)
BUYER = Party(
    name="SARL Léa & Fils <Lyon>",
    siren="732829320",
    vat_number="FR44732829320",
    street="1 rue du Four",
    postcode="69001",
    city="Lyon",
)


def used(kind: UsageKind = UsageKind.CALL, quantity: int = 10_000, **values: Any) -> Used:
    """By default 166 min 40 s of calls, of which the plan includes 100."""
    row: dict[str, Any] = {"month": NOVEMBER, "plan": PLAN}
    return Used(kind=kind, quantity=quantity, **(row | values))


def document(*usages: Used, **values: Any) -> Document:
    """Invoice 2026-000012 of November, with what was used beside the base fee."""
    row: dict[str, Any] = {
        "kind": InvoiceKind.INVOICE,
        "number": "2026-000012",
        "issued_on": date(2026, 12, 1),
        "due_on": date(2026, 12, 31),
        "month": NOVEMBER,
        "seller": SELLER,
        "buyer": BUYER,
        "lines": invoice_lines(NOVEMBER, PLAN, usages),
    }
    return Document(**(row | values))
