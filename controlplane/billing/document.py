"""What an invoice says, before it is a PDF, an XML file or rows: the three are made of this."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict

from controlplane.billing.amounts import VAT_BP, vat_cents
from controlplane.billing.invoice_lines import Line
from controlplane.billing.months import next_month
from controlplane.models.invoice import InvoiceKind

DUE_AFTER: Final = timedelta(days=30)
"""The legal term, unless agreed otherwise (Code de commerce, art. L441-10 I)."""
RECOVERY_FEE: Final = (
    "En cas de retard de paiement, indemnité forfaitaire pour frais de recouvrement"
    "\N{NO-BREAK SPACE}: 40\N{NO-BREAK SPACE}€ (art. D441-5 du Code de commerce)."
)
NO_DISCOUNT: Final = "Pas d’escompte pour paiement anticipé."


class Party(BaseModel):
    """A firm that an invoice names (CGI, annexe II, art. 242 nonies A)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    siren: str
    vat_number: str | None
    street: str
    postcode: str
    city: str


class Seller(Party):
    """We, with what a company says of itself (Code de commerce, art. R123-237)."""

    legal_form: str
    """The form and the capital, such as `SAS au capital de 10 000 €`."""
    registered: str
    """The register it is in, such as `RCS Lyon`."""
    iban: str
    late_rate: str
    """The rate of late-payment penalties, in words (Code de commerce, art. L441-10 II)."""

    @property
    def late_payment(self) -> str:
        return f"Pénalités de retard\N{NO-BREAK SPACE}: {self.late_rate}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The invoice that a credit note takes back, and why."""

    number: str
    issued_on: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One invoice or credit note. Amounts are cents, positive in both."""

    kind: InvoiceKind
    number: str
    issued_on: date
    due_on: date
    month: date
    seller: Seller
    buyer: Party
    lines: Sequence[Line]
    corrected: Corrected | None = None
    vat_bp: int = VAT_BP

    @property
    def last_day(self) -> date:
        return next_month(self.month) - timedelta(days=1)

    @property
    def net_cents(self) -> int:
        return sum(line.net_cents for line in self.lines)

    @property
    def vat_cents(self) -> int:
        return vat_cents(self.net_cents, self.vat_bp)

    @property
    def total_cents(self) -> int:
        return self.net_cents + self.vat_cents


def written_number(year: int, number: int) -> str:
    """`2026-000012`, as invoices are called."""
    return f"{year}-{number:06}"
