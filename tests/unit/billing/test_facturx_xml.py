"""An invoice's XML is valid by schema and schematron, says what the invoice says, and a wrong one
is found.
"""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.billing import facturx_xml as made_by
from controlplane.billing.document import Corrected
from controlplane.billing.errors import NotFacturX
from controlplane.billing.facturx_xml import contradictions, facturx_xml, schema_problems
from controlplane.models.invoice import InvoiceKind
from controlplane.models.usage_record import UsageKind
from tests.unit.billing.invoices import BUYER, document, used

pytestmark = pytest.mark.unit

CORRECTED = Corrected(number="2026-000011", issued_on=date(2026, 12, 1), reason="Mauvaise adresse")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"lines": document().lines},
        {"buyer": BUYER.model_copy(update={"vat_number": None})},
        {"kind": InvoiceKind.CREDIT_NOTE, "corrected": CORRECTED},
    ],
    ids=["calls, SMS and numbers", "the base fee alone", "a buyer in franchise", "a credit note"],
)
def test_it_is_valid_and_says_what_the_invoice_says(values: dict[str, Any]) -> None:
    usages = (used(), used(UsageKind.SMS, 3), used(UsageKind.NUMBER, 1))
    whole = replace(document(*usages), **values)
    xml = facturx_xml(whole)
    assert schema_problems(xml) == []
    assert contradictions(xml, whole) == []


@settings(max_examples=8)
@given(st.integers(0, 10**7), st.integers(0, 10**5))
def test_it_is_valid_whatever_was_used(seconds: int, sms: int) -> None:
    facturx_xml(document(used(quantity=seconds), used(UsageKind.SMS, sms)))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b">59.00<", b">59.01<"),
        (b">S<", b">Q<"),
        (b"InvoiceCurrencyCode>EUR", b"InvoiceCurrencyCode>EUX"),
        (b"<ram:DuePayableAmount>70.80", b"<ram:DuePayableAmount>70.70"),
        (b"ram:GrandTotalAmount", b"ram:GreatTotalAmount"),
    ],
)
def test_a_wrong_one_is_found(right: bytes, wrong: bytes) -> None:
    xml = facturx_xml(document(used()))
    assert right in xml
    assert schema_problems(xml.replace(right, wrong))


def test_what_the_rules_refuse_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(made_by.TYPE_CODES, InvoiceKind.INVOICE, "999")
    with pytest.raises(NotFacturX, match="TypeCode"):
        facturx_xml(document())


@pytest.mark.parametrize(
    ("other", "terms"),
    [
        ({"number": "2026-000013"}, ["BT-1"]),
        ({"due_on": date(2027, 1, 1)}, ["BT-9"]),
        ({"buyer": BUYER.model_copy(update={"vat_number": None})}, ["BG-7"]),
        (
            {"lines": document().lines},
            ["BG-23", "BG-25", "BT-106", "BT-109", "BT-110", "BT-112", "BT-115"],
        ),
    ],
)
def test_where_file_and_invoice_differ_is_named(other: dict[str, Any], terms: list[str]) -> None:
    whole = document(used())
    assert contradictions(facturx_xml(whole), replace(whole, **other)) == terms
