"""An owner sets a new restaurant up step by step, leaves and comes back, and goes live once a menu,
hours and a line are there: nothing is ticked that is not so.
"""

from typing import Any

import pytest
from sqlalchemy import update

from controlplane.models.restaurant import Restaurant
from tests.integration.webapp.pages.line import refused_line
from tests.integration.webapp.pages.menu import published
from tests.integration.webapp.site_under_test import SiteUnderTest
from tests.integration.webapp.test_hours import hidden

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def get(site: SiteUnderTest, path: str, by: str = "owner") -> Any:
    return await site.by(by).get(site.path(f"/start{path}"))


async def post(site: SiteUnderTest, path: str, form: dict[str, Any], by: str = "owner") -> Any:
    return await site.by(by).post(site.path(f"/start{path}"), data=form)


async def restaurant(site: SiteUnderTest) -> Restaurant:
    async with site.sessions() as session:
        return await session.get_one(Restaurant, site.restaurant)


async def test_from_a_name_to_live(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        ours = Restaurant.id == site.restaurant
        await session.execute(update(Restaurant).where(ours).values(status="onboarding"))
    first = await get(site, "")
    assert first.headers["location"] == site.path("/start/menu")

    shown = hidden((await get(site, "/restaurant")).text)
    typed = {
        "name": "Bella Napoli",
        "spoken_name": "la Bella Napoli",
        "address": "5 rue des Marronniers, 69002 Lyon",
        "phone": "04 99 00 12 34",
    }
    wrong = await post(site, "/restaurant", shown | typed | {"phone": "12"})
    assert (wrong.status_code, "5 rue des Marronniers" in wrong.text) == (422, True)
    saved = await post(site, "/restaurant", shown | typed)
    assert saved.headers["location"] == site.path("/start/menu")
    assert (await restaurant(site)).phone_e164 == "+33499001234"
    stale = await post(site, "/restaurant", shown | typed | {"name": "Autre"})
    assert (stale.status_code, "Bella Napoli" in stale.text) == (409, True)

    early = await post(site, "/live", {})
    assert early.status_code == 422
    for missing in ("Votre carte", "Vos horaires", "Votre ligne"):
        assert missing in early.text
    assert (await post(site, "/live", {}, by="manager")).status_code == 403

    hours = {"days": ["1", "2"], "opens-0": "18:30", "closes-0": "22:30"}
    assert (await post(site, "/opening", hours | {"days": []})).status_code == 422
    assert (await post(site, "/opening", hours, by="manager")).status_code == 303
    again = await post(site, "/opening", hours)
    assert (again.status_code, "ont déjà des horaires" in again.text) == (422, True)
    await refused_line(site)
    await published(site)
    assert (await post(site, "/live", {})).headers["location"] == site.path("/start/call")
    assert (await restaurant(site)).status == "live"
    assert (await get(site, "")).headers["location"] == site.path("/start/voice")
    call = (await get(site, "/call")).text
    assert "La ligne n’est pas encore enregistrée" in call
    assert (await get(site, "/live", by="other")).status_code == 404
