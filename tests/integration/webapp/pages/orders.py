"""The pages of orders: the list, one order, its refusal, one that is typed."""

from controlplane.contracts import redis_keys
from controlplane.restaurants.delivery_zones import Address, Delivery
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.order_site import add_menu, called_order
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest

HOME = Address(house_number="12", street="rue des Oliviers", postcode="69002", city="Lyon")


async def some_orders(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        await add_order(session, site.restaurant, customer="Sophie Marchand", due_in_min=-4)
        delivery = Delivery(address=HOME, zone="Centre", fee_cents=0, delay_minutes=20)
        await add_order(session, site.restaurant, customer=None, delivery=delivery, allergy="soja")
        await add_order(session, site.other, customer="Le Voisin")
    return {"order": str(await called_order(site))}


async def a_menu(site: SiteUnderTest) -> Names:
    """A menu that is in the cache already, as it is once a call or a page has read it."""
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
    await site.site.redis.set(redis_keys.CONFIG_GENERATION, "1")
    await site.by("owner").get(site.path("/orders/new"))
    return {}


PAGES = [
    Page("orders/list", "/place/{restaurant}/orders", visitor="staff", seed=some_orders),
    Page("orders/none-found", "/place/{restaurant}/orders?q=personne"),
    Page("orders/order", "/place/{restaurant}/orders/{order}", seed=some_orders),
    Page("orders/reject", "/place/{restaurant}/orders/{order}/reject", seed=some_orders),
    Page("orders/new", "/place/{restaurant}/orders/new", seed=a_menu),
]
