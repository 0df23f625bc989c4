"""The menu's pages: published and worked on, for who may edit it and for who may not."""

from tests.integration.webapp.menus import PUBLISHED, dearer, dish_id, draft, publish
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest

MENU = "/place/{restaurant}/menu"


async def published(site: SiteUnderTest) -> Names:
    await publish(site)
    return {"dish": str(await dish_id(site, "Margherita"))}


async def worked_on(site: SiteUnderTest) -> Names:
    names = await published(site)
    await draft(site, dearer(PUBLISHED, "Margherita", 1_050))
    return names


PAGES = [
    Page("menu/published", MENU, seed=published),
    Page("menu/staff", MENU, visitor="staff", seed=published),
    Page("menu/no-draft", f"{MENU}/publish", seed=published),
    Page("menu/draft", MENU, visitor="manager", seed=worked_on),
    Page("menu/dish", f"{MENU}/items/{{dish}}", visitor="manager", seed=worked_on),
    Page("menu/new-dish", f"{MENU}/items/new?category=Pizzas", seed=worked_on),
    Page("menu/category", f"{MENU}/category?name=Midi", seed=worked_on),
    Page("menu/options", f"{MENU}/options?name=Suppl%C3%A9ments", seed=worked_on),
    Page("menu/publish", f"{MENU}/publish", visitor="manager", seed=worked_on),
    Page("menu/versions", f"{MENU}/versions", seed=worked_on),
    Page("menu/version", f"{MENU}/versions/1", seed=worked_on),
    Page("menu/print", f"{MENU}/print", seed=worked_on),
]
