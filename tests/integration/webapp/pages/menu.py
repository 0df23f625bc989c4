"""The menu's pages: published and worked on, for who may edit it and for who may not."""

import io
from uuid import UUID

from PIL import Image

from controlplane.restaurants.menu_photos import set_photo
from controlplane.restaurants.photo_file import read_photo_file
from tests.integration.webapp.menus import PUBLISHED, dearer, dish_id, draft, publish
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.forms import Upload
from webapp.menu.uploads import keep_upload

MENU = "/place/{restaurant}/menu"


async def published(site: SiteUnderTest) -> Names:
    await publish(site)
    return {"dish": str(await dish_id(site, "Margherita"))}


async def worked_on(site: SiteUnderTest) -> Names:
    names = await published(site)
    await draft(site, dearer(PUBLISHED, "Margherita", 1_050))
    return names


async def with_photo(site: SiteUnderTest) -> Names:
    names = await worked_on(site)
    written = io.BytesIO()
    Image.new("RGB", (400, 300), "tomato").save(written, "PNG")
    photo = read_photo_file(written.getvalue())
    async with site.session() as session, session.begin():
        await set_photo(session, site.restaurant, UUID(names["dish"]), photo, actor="admin")
    return names


async def uploaded(site: SiteUnderTest) -> Names:
    await worked_on(site)
    table = "Rubrique;Libellé;Prix;SKU\nPizzas;Reine;12,50;A1\nPizzas;Margherita;11;A2\n"
    upload = Upload("caisse.csv", table.encode())
    return {"token": await keep_upload(site.site.redis, site.restaurant, upload)}


PAGES = [
    Page("menu/published", MENU, seed=published),
    Page("menu/staff", MENU, visitor="staff", seed=published),
    Page("menu/no-draft", f"{MENU}/publish", seed=published),
    Page("menu/draft", MENU, visitor="manager", seed=worked_on),
    Page("menu/dish", f"{MENU}/items/{{dish}}", visitor="manager", seed=with_photo),
    Page("menu/new-dish", f"{MENU}/items/new?category=Pizzas", seed=worked_on),
    Page("menu/category", f"{MENU}/category?name=Midi", seed=worked_on),
    Page("menu/options", f"{MENU}/options?name=Suppl%C3%A9ments", seed=worked_on),
    Page("menu/publish", f"{MENU}/publish", visitor="manager", seed=worked_on),
    Page("menu/versions", f"{MENU}/versions", seed=worked_on),
    Page("menu/version", f"{MENU}/versions/1", seed=worked_on),
    Page("menu/import", f"{MENU}/import", seed=published),
    Page("menu/preview", f"{MENU}/import/{{token}}", seed=uploaded),
    Page("menu/print", f"{MENU}/print", seed=worked_on),
]
