"""The kitchen's pages, with an order in each lane and whatever a ticket may hold."""

from datetime import UTC, datetime, timedelta

from controlplane.contracts.identifiers import new_id
from controlplane.models.ingredient import Ingredient
from controlplane.models.menu import MenuCategory, MenuItem
from controlplane.models.order import OrderStatus, OrderType
from tests.integration.delivery_orders import TO_BELLECOUR
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest


async def a_service(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        await add_order(
            session,
            site.restaurant,
            dishes=((1, "Quatre fromages", 1_350), (1, "Salade César", 1_290)),
            options=("vinaigrette balsamique", "sans croûtons"),
            customer="Karim Benali",
            allergy="fruits à coque",
            due_in_min=18,
        )
        await add_order(
            session,
            site.restaurant,
            dishes=((2, "Margherita", 950), (1, "Diavola", 1_250), (1, "Panna cotta", 550)),
            customer="Sophie Marchand",
            due_in_min=23,
        )
        await add_order(
            session,
            site.restaurant,
            dishes=((1, "Calzone", 1_300), (2, "Coca-Cola 33 cl", 300)),
            customer="Mme Rossi",
            status=OrderStatus.ACCEPTED,
            note="Couper la pizza en huit",
            due_in_min=13,
        )
        await add_order(
            session,
            site.restaurant,
            dishes=((1, "Lasagnes bolognaise", 1_350), (2, "Napolitaine", 1_050)),
            customer="Camille Roux",
            status=OrderStatus.PREPARING,
            delivery=TO_BELLECOUR,
            due_in_min=-4,
        )
        await add_order(
            session,
            site.restaurant,
            dishes=((2, "Spaghetti carbonara", 1_290),),
            customer="Nadia Haddad",
            status=OrderStatus.READY,
            due_in_min=-9,
        )
        table = await add_order(
            session,
            site.restaurant,
            status=OrderStatus.COMPLETED,
            order_type=OrderType.ON_SITE,
            due_in_min=-40,
        )
    return {"order": str(table)}


async def a_menu(site: SiteUnderTest) -> Names:
    async with site.sessions.begin() as session:
        category = new_id()
        session.add(
            MenuCategory(id=category, restaurant_id=site.restaurant, name="Pâtes", position=9)
        )
        session.add(
            Ingredient(restaurant_id=site.restaurant, name=f"guanciale {category.hex[-4:]}")
        )
        await session.flush()
        for position, name in enumerate(("Carbonara", "Amatriciana", "Cacio e pepe")):
            session.add(
                MenuItem(
                    restaurant_id=site.restaurant,
                    category_id=category,
                    name=name,
                    spoken_name=name,
                    price_cents=1_290,
                    vat_rate_bp=1_000,
                    position=position,
                    sold_out_until=datetime.now(UTC) + timedelta(days=1) if not position else None,
                )
            )
    return {}


PAGES = [
    Page(
        "kitchen/availability",
        "/place/{restaurant}/kitchen/availability",
        visitor="tablet",
        seed=a_menu,
    ),
    Page(
        "kitchen/paper",
        "/place/{restaurant}/orders/{order}/ticket",
        visitor="tablet",
        seed=a_service,
    ),
    Page(
        "kitchen/settings", "/place/{restaurant}/kitchen/settings", visitor="manager", seed=a_menu
    ),
    Page("kitchen/board", "/place/{restaurant}/kitchen", visitor="tablet", seed=a_service),
    Page("kitchen/member", "/place/{restaurant}/kitchen", visitor="staff"),
    Page("kitchen/pickup", "/place/{restaurant}/kitchen/pickup", visitor="tablet"),
]
