"""Pages of invoices: one of October, with calls, SMS and a number."""

from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.billing.document import Document, written_number
from controlplane.billing.issue import Issuer, issue
from controlplane.contracts.identifiers import new_id
from controlplane.models.invoice import Invoice
from controlplane.models.invoice_recipient import InvoiceRecipient
from controlplane.models.restaurant import Restaurant
from controlplane.models.subscription import Subscription
from tests.billing_rows import FROM_MONTH, add_call, add_plan, add_sms
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest
from tests.unit.billing.invoices import SELLER

OCTOBER = date(2026, 10, 1)


def draw(document: Document, xml: bytes) -> bytes:
    """A page that is looked at needs no PDF of two seconds."""
    return b"%PDF " + document.number.encode() + xml[:10]


async def an_invoice(site: SiteUnderTest) -> Names:
    """Issue October's invoice, once for all pages."""
    async with site.sessions.begin() as session:
        found = await session.scalar(
            select(Invoice).where(Invoice.restaurant_id == site.restaurant)
        )
        invoice = found or await _issue(session, site)
        return {"number": written_number(invoice.year, invoice.number)}


async def _issue(session: AsyncSession, site: SiteUnderTest) -> Invoice:
    plan = await add_plan(session, code=f"essentiel-{new_id()}")
    session.add_all(
        [
            Subscription(
                restaurant_id=site.restaurant, from_month=FROM_MONTH, plan_id=plan.id, numbers=1
            ),
            InvoiceRecipient(
                restaurant_id=site.restaurant,
                name="SARL Léa & Fils",
                siren="732829320",
                vat_number="FR44732829320",
                street="1 rue du Four",
                postcode="69001",
                city="Lyon",
            ),
        ]
    )
    await session.flush()
    for day in range(1, 25):
        at = datetime(2026, 10, day, 18, 30, tzinfo=UTC)
        await add_call(session, site.restaurant, at, seconds=330 + day)
        await add_sms(session, site.restaurant, at, parts=1)
    issuer = Issuer(seller=SELLER, clock=lambda: datetime(2026, 11, 2, 9, tzinfo=UTC), render=draw)
    restaurant = await session.get_one(Restaurant, site.restaurant)
    return await issue(session, restaurant, month=OCTOBER, issuer=issuer)


INVOICES = "/place/{restaurant}/invoices"

PAGES = [
    Page("invoices/list", INVOICES, "owner", an_invoice),
    Page("invoices/invoice", f"{INVOICES}/{{number}}", "owner", an_invoice),
    Page("invoices/calls", f"{INVOICES}/{{number}}/usage/call", "owner", an_invoice),
]
