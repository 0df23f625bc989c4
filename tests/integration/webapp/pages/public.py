"""What a restaurant's customers see: receipts, allergens, what becomes of data, no more offers."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from controlplane.contracts.receipt_link import PATH, ReceiptKey, ReceiptOf, sign_receipt
from controlplane.contracts.unsubscribe_link import PATH as STOP_PATH
from controlplane.contracts.unsubscribe_link import UnsubscribeKey, sign_unsubscribe
from controlplane.models.order import OrderLine
from controlplane.models.restaurant import Restaurant
from tests.integration.kitchen_site import SECRET
from tests.integration.webapp.order_site import add_menu, called_order, of
from tests.integration.webapp.pages.customers import a_customer
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest


async def a_receipt(site: SiteUnderTest) -> Names:
    """An order of dishes that are on the menu, with an allergy."""
    order_id = await called_order(site)
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
        for name in ("Margherita", "Coca-Cola 33 cl"):
            await session.execute(
                update(OrderLine)
                .where(OrderLine.order_id == order_id, OrderLine.name == name)
                .values(menu_item_id=of(site.restaurant, name))
            )
    key = ReceiptKey(ReceiptOf.ORDER, site.restaurant, order_id)
    expires_at = datetime.now(UTC) + timedelta(days=1)
    return {"receipt": PATH + sign_receipt(key, expires_at=expires_at, secret=SECRET)}


async def a_public_menu(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
        slug = select(Restaurant.slug).where(Restaurant.id == site.restaurant)
        return {"slug": (await session.scalars(slug)).one()}


async def an_offer(site: SiteUnderTest) -> Names:
    """The link of an offer to somebody who allowed them."""
    customer = (await a_customer(site))["customer"]
    key = UnsubscribeKey(site.restaurant, type(site.restaurant)(customer))
    return {"stop": STOP_PATH + sign_unsubscribe(key, secret=SECRET)}


PAGES = [
    Page("public/receipt", "{receipt}", visitor="anonymous", seed=a_receipt),
    Page("public/receipt-allergens", "{receipt}/allergenes", visitor="anonymous", seed=a_receipt),
    Page("public/allergens", "/carte/{slug}/allergenes", visitor="anonymous", seed=a_public_menu),
    Page("public/privacy", "/carte/{slug}/donnees", visitor="anonymous", seed=a_public_menu),
    Page("public/unsubscribe", "{stop}", visitor="anonymous", seed=an_offer),
]
