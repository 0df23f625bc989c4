"""What is not billed as things are: an admin's command prints the message.

AlloRestoError
└── BillingError
    ├── MonthNotOver       calls of the month may still be to come
    ├── NothingToBill      no plan and nothing used
    ├── NoRecipient        nobody knows who pays
    ├── AlreadyInvoiced    the month has an invoice that was not credited
    ├── AlreadyCredited    the invoice has its credit note
    ├── NoSuchInvoice      no invoice has this number
    ├── NoSuchPlan         no plan has this name
    ├── AlreadyRated       usage of that month has its price already
    ├── NotFacturX         schema or schematron refuse what we made: a defect of ours
    └── NoRenderer         the machine lacks what makes PDF files
"""

from collections.abc import Sequence
from datetime import date

from controlplane.errors import AlloRestoError


class BillingError(AlloRestoError):
    """Base of what this package raises on purpose."""


class MonthNotOver(BillingError):
    """The month's calls are not all there."""

    def __init__(self, month: date) -> None:
        super().__init__(f"{month:%Y-%m} is not over where the restaurant is: invoice it later")


class NothingToBill(BillingError):
    """The restaurant had no plan in this month, and used nothing that is not billed yet."""

    def __init__(self, slug: str, month: date) -> None:
        super().__init__(
            f"{slug} had no plan in {month:%Y-%m}: alloresto invoice subscribe {slug} PLAN"
        )


class NoRecipient(BillingError):
    """An invoice names its buyer, and this restaurant's is not known."""

    def __init__(self, slug: str) -> None:
        super().__init__(
            f"nobody knows who pays for {slug}: alloresto invoice recipient {slug} --name …"
        )


class AlreadyInvoiced(BillingError):
    """The month has an invoice; another is made once it is credited."""

    def __init__(self, month: date, number: str) -> None:
        super().__init__(f"{month:%Y-%m} has invoice {number}: credit it to invoice it anew")
        self.number = number


class AlreadyCredited(BillingError):
    """An invoice is taken back once; a credit note never is."""

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is a credit note, or was credited already")


class NoSuchInvoice(BillingError):
    """No invoice has this number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"no invoice has the number {number!r}: alloresto invoice list")


class NoSuchPlan(BillingError):
    """No plan has this name."""

    def __init__(self, code: str) -> None:
        super().__init__(f"no plan is called {code!r}: alloresto invoice plan {code} --name …")


class AlreadyRated(BillingError):
    """Usage keeps the plan it was rated with: another plan begins in a later month."""

    def __init__(self, month: date) -> None:
        super().__init__(f"what was used in {month:%Y-%m} has its price: begin in a later month")


class NotFacturX(BillingError):
    """What schema or schematron refuse is never issued."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"the invoice would be no Factur-X: {'; '.join(problems)}")


class NoRenderer(BillingError):
    """WeasyPrint draws text with Pango, a library of the system."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            "no PDF can be made here: install Pango (Debian, Ubuntu: apt install"
            f" libpango-1.0-0 libpangoft2-1.0-0): {reason}"
        )
