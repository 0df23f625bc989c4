"""The pages of customers: the list, one of them, blocked numbers, what they may ask for."""

from sqlalchemy import select

from controlplane.models.consent import ConsentPurpose, ConsentSource
from controlplane.models.customer import Customer
from controlplane.restaurants.consents import decide
from controlplane.restaurants.customers import remember_customer
from controlplane.restaurants.place_order import utc_now
from tests.integration.webapp.order_site import PHONE, called_order
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest


async def a_customer(site: SiteUnderTest) -> Names:
    """Who ordered by telephone, and allowed offers."""
    await called_order(site)
    async with site.sessions.begin() as session:
        await remember_customer(
            session, site.restaurant, number=PHONE, name="Camille", at=utc_now()
        )
        found = select(Customer).where(Customer.restaurant_id == site.restaurant)
        customer = (await session.scalars(found.where(Customer.phone_e164 == PHONE))).one()
        await decide(
            session,
            customer,
            ConsentPurpose.OFFERS,
            granted=True,
            source=ConsentSource.CALL,
            evidence="oui, volontiers",
        )
    return {"customer": str(customer.id)}


PAGES = [
    Page("customers/list", "/place/{restaurant}/customers", seed=a_customer),
    Page("customers/nobody", "/place/{restaurant}/customers?q=personne", visitor="manager"),
    Page("customers/customer", "/place/{restaurant}/customers/{customer}", seed=a_customer),
    Page("customers/blocked", "/place/{restaurant}/customers/blocked"),
    Page(
        "customers/rights",
        "/place/{restaurant}/customers/rights?customer={customer}",
        seed=a_customer,
    ),
]
