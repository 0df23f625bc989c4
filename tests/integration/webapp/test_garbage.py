"""What no page of ours sends, a visitor may: it is refused, and it is no fault of the site's."""

import pytest
from sqlalchemy import select

from controlplane.contracts.identifiers import new_id
from controlplane.models.menu import MenuItem
from tests.integration.webapp.order_site import add_menu
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

ENDLESS = "9" * 5_000
"""Python reads no number of so many digits."""
TOO_LARGE = "9" * 20
"""No column of the database holds it."""
EDGES = ("0001-01-01", "9999-12-31")
"""The days beyond which there is none."""


async def test_addresses_of_garbage_lead_nowhere(site: SiteUnderTest) -> None:
    owner = site.by("owner")
    for path in (
        f"/menu/versions/{TOO_LARGE}",
        f"/invoices/2026-{ENDLESS[:2_000]}",
        *(f"/config/hours/exceptions/{day}" for day in EDGES),
        "/kitchen?station=%00",
    ):
        answer = await owner.get(site.path(path))
        assert answer.status_code in {200, 404}, path
    found = await site.by("platform").get("/plateforme/restaurants?q=%00x&after=%00")
    assert found.status_code == 200
    for day in EDGES:
        assert (await owner.get(site.path(f"/calls?day={day}"))).status_code == 200


async def test_forms_of_garbage_are_refused(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
    owner = site.by("owner")
    order = {"do": "place", "line": f"{new_id()}:1:", "customer_name": "Zoé", "told": "1"}
    forms = [
        ("/orders/new", {**order, "told": ENDLESS}),
        ("/orders/new", {**order, "line": f"{new_id()}:{ENDLESS}:"}),
        ("/orders/new", {**order, "do": f"more:{ENDLESS}"}),
        ("/orders/new", {**order, "do": "put", "quantity": ENDLESS}),
        *(("/orders/new", {**order, "wanted_at": f"{day}T12:00:00+14:00"}) for day in EDGES),
        ("/menu/publish", {"revision": ENDLESS}),
        (f"/menu/items/{new_id()}/portions", {"left": ENDLESS}),
        ("/config/line/account", {"seen": ENDLESS, "username": "x", "carrier": "x"}),
        *(("/config/hours/exceptions", {"first": EDGES[0], "last": day}) for day in EDGES),
    ]
    for path, form in forms:
        answer = await owner.post(site.path(path), data=form)
        assert answer.status_code < 500, (path, form)


async def test_a_dish_that_somebody_changed_meanwhile_is_not_removed(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
    async with site.session() as session:
        dish = await session.scalar(select(MenuItem.id))
    path = site.path(f"/menu/items/{dish}/remove")
    answer = await site.by("manager").post(path, data={"seen": "another dish"})
    assert answer.status_code == 409
    assert "Quelqu’un vient de changer cette fiche" in answer.text
