"""The page of the restaurant's programs: a token, an address, and an order it is told of."""

from controlplane.restaurants.webhooks import TOPICS, add_endpoint
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.api_clients import a_token
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest


async def a_program(site: SiteUnderTest) -> Names:
    await a_token(site)
    async with site.session() as session, session.begin():
        url = "https://caisse.example/alloresto"
        await add_endpoint(
            session, site.site.box, site.restaurant, url, TOPICS, local=False, actor="test"
        )
    async with site.sessions.begin() as session:
        await add_order(session, site.restaurant, customer="Sophie")
    return {}


PAGES = [Page("programs/page", "/place/{restaurant}/config/api", "owner", a_program)]
