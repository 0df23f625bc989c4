"""The PDF is a PDF/A-3 that prints every legal mention and carries the very XML it was given."""

import io
import re
from ctypes.util import find_library
from datetime import date
from typing import Any

import pytest
from pypdf import PdfReader

from controlplane.billing.document import Corrected
from controlplane.billing.facturx_xml import facturx_xml
from controlplane.billing.pdf import (
    amount,
    attached_xml,
    facturx_pdf,
    printed_text,
    quantity,
    unit_price,
)
from controlplane.models.invoice import InvoiceKind
from controlplane.models.usage_record import UsageKind
from tests.unit.billing.invoices import document, used

pytestmark = pytest.mark.unit

needs_pango = pytest.mark.skipif(
    not find_library("pango-1.0"), reason="no Pango on this machine: no PDF can be made"
)


@needs_pango
def test_it_prints_every_legal_mention() -> None:
    made = document(used(), used(UsageKind.SMS, 3))
    text = printed_text(facturx_pdf(made, facturx_xml(made)))
    for mention in (
        "Facture n° 2026-000012",
        "AlloResto Démo",
        "SAS au capital de 10 000 €",
        "SIREN 552100554",
        "RCS Lyon",
        "TVA FR96552100554",
        "SARL Léa & Fils <Lyon>",
        "SIREN 732829320",
        "TVA FR44732829320",
        "Date d’émission 01/12/2026",
        "du 01/11/2026 au 30/11/2026",
        "Date d’échéance 31/12/2026",
        "0,15 € / min",
        "66 min 40 s",
        "0,07 € / SMS",
        "Total HT 59,21 €",
        "TVA 20 % 11,84 €",
        "Total TTC à payer 71,05 €",
        "trois fois le taux d’intérêt légal",
        "indemnité forfaitaire pour frais de recouvrement : 40 €",
        "Pas d’escompte",
    ):
        assert mention in text, mention


@needs_pango
def test_it_carries_its_xml_and_says_what_it_is() -> None:
    made = document(used())
    xml = facturx_xml(made)
    pdf = facturx_pdf(made, xml)
    assert attached_xml(pdf) == xml
    root: Any = PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    metadata = root["/Metadata"].get_data().decode()
    assert re.search(r"pdfaid:part>3<|pdfaid:part=.3", metadata)
    assert "factur-x.xml" in metadata
    assert root["/OutputIntents"]
    assert root["/AF"][0].get_object()["/AFRelationship"] == "/Data"


@needs_pango
def test_a_credit_note_names_the_invoice_it_takes_back_and_why() -> None:
    corrected = Corrected(
        number="2026-000011", issued_on=date(2026, 12, 1), reason="Mauvaise adresse"
    )
    made = document(used(), kind=InvoiceKind.CREDIT_NOTE, corrected=corrected)
    text = printed_text(facturx_pdf(made, facturx_xml(made)))
    for mention in ("Avoir n° 2026-000012", "n° 2026-000011 du 01/12/2026", "Mauvaise adresse"):
        assert mention in text
    assert "à payer" not in text


def test_numbers_are_written_as_in_french() -> None:
    base, calls = document(used(quantity=6_065)).lines
    spoken = [amount(123_456_789), unit_price(base), unit_price(calls), quantity(calls)]
    assert [re.sub(r"\s", " ", one) for one in spoken] == [
        "1 234 567,89 €",
        "49,00 € / mois",
        "0,15 € / min",
        "1 min 05 s",
    ]
