"""What runs out is marked in one tap by whoever works there, and the next call is told so."""

from uuid import UUID

import pytest
from sqlalchemy import delete, func, select

from controlplane.models.audit_entry import AuditEntry
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.ingredient import Ingredient
from controlplane.models.menu_draft import MenuDraft
from controlplane.restaurants.config_cache import read_restaurant_config
from tests.integration.webapp.menus import dish_id, publish
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def begin(site: SiteUnderTest) -> None:
    async with site.session() as session, session.begin():
        await session.execute(delete(MenuDraft))
    await publish(site)


async def sold_out(site: SiteUnderTest) -> set[str]:
    """What the next caller is told that there is none of."""
    config, _ = await read_restaurant_config(site.site.sessions, site.restaurant)
    return {item.name for item in config.menu if item.sold_out}


async def tap(site: SiteUnderTest, what: str, id: UUID, *, available: bool) -> None:
    path = site.path(f"/menu/stock/{what}/{id}")
    data = {"available": "1" if available else "0"}
    assert (await site.by("staff").post(path, data=data)).status_code == 303


async def test_a_dish_and_an_ingredient_run_out_and_come_back(site: SiteUnderTest) -> None:
    await begin(site)
    margherita = await dish_id(site, "Margherita")
    await tap(site, "dish", margherita, available=False)
    assert await sold_out(site) == {"Margherita"}
    page = (await site.by("staff").get(site.path("/menu"))).text
    assert page.count("stock-btn is-out") == 1
    await tap(site, "dish", margherita, available=True)
    async with site.session() as session:
        dough = await session.scalar(select(Ingredient.id).where(Ingredient.name == "pâte à pizza"))
    assert dough is not None
    await tap(site, "ingredient", dough, available=False)
    assert await sold_out(site) == {"Margherita", "Quatre fromages", "Quatre saisons"}
    page = (await site.by("manager").get(site.path("/menu"))).text
    assert "pâte à pizza</span>" in page
    await tap(site, "ingredient", dough, available=True)
    assert await sold_out(site) == set()
    async with site.session() as session:
        deeds = await session.scalar(
            select(func.count()).where(AuditEntry.action == "set_available")
        )
        told = await session.scalar(
            select(func.count()).where(EventOutbox.topic == "availability_changed")
        )
    assert (deeds, told) == (4, 4)


async def test_portions_are_counted_by_whoever_works_there(site: SiteUnderTest) -> None:
    await begin(site)
    staff = site.by("staff")
    page = site.path(f"/menu/items/{await dish_id(site, 'Margherita')}/portions")
    assert (await staff.post(page, data={"left": "0"})).status_code == 303
    assert "0 portion restante" in (await staff.get(site.path("/menu"))).text.replace("\u00a0", " ")
    await staff.post(page, data={"left": "beaucoup"})
    assert "0 portion restante" in (await staff.get(site.path("/menu"))).text.replace("\u00a0", " ")
    await staff.post(page, data={"left": ""})
    assert "portion restante" not in (await staff.get(site.path("/menu"))).text
    await staff.post(page, data={"left": "0"})
    margherita = await dish_id(site, "Margherita")
    await tap(site, "dish", margherita, available=True)
    assert await sold_out(site) == set(), "put back, it is counted no more"


async def test_a_neighbours_dish_stays_as_it_is(site: SiteUnderTest) -> None:
    await begin(site)
    path = f"/place/{site.other}/menu/stock/dish/{await dish_id(site, 'Margherita')}"
    assert (await site.by("other").post(path, data={"available": "0"})).status_code == 404
    assert await sold_out(site) == set()
