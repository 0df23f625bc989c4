"""What the kitchen does beside moving orders: a dish runs out, a ticket is printed, a manager sets
what happens by itself.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from controlplane.contracts.identifiers import new_id
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.ingredient import Ingredient
from controlplane.models.kitchen_settings import DishAge, KitchenSettings
from controlplane.models.menu import MenuCategory, MenuItem
from controlplane.models.order import OrderStatus
from controlplane.restaurants.dish_ages import AgeLimits, dish_ages
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


async def a_dish(site: SiteUnderTest, name: str) -> tuple[UUID, UUID]:
    """A dish and its category."""
    item, category = new_id(), new_id()
    async with site.sessions.begin() as session:
        session.add(
            MenuCategory(id=category, restaurant_id=site.restaurant, name="Pizzas", position=0)
        )
        await session.flush()
        session.add(
            MenuItem(
                id=item,
                restaurant_id=site.restaurant,
                category_id=category,
                name=name,
                spoken_name=name,
                price_cents=900,
                vat_rate_bp=1_000,
                position=0,
            )
        )
    return item, category


async def test_a_dish_or_an_ingredient_is_out_and_back_in_one_tap(site: SiteUnderTest) -> None:
    """1 Out, until tomorrow: the list, the board's counter and open pages say so, and it is written
    down who said it. 2 Sent twice it is no different. 3 Back. 4 A neighbour's dish is nobody's.
    """
    item, _ = await a_dish(site, "Burrata")
    async with site.sessions.begin() as session:
        dough = Ingredient(id=new_id(), restaurant_id=site.restaurant, name="pâte sans gluten")
        session.add(dough)
        ingredient = dough.id
    page = site.path("/kitchen/availability")
    tablet = site.by("tablet")
    for path, name in ((f"dish/{item}", "Burrata"), (f"ingredient/{ingredient}", "pâte")):
        for _ in range(2):
            answer = await tablet.post(f"{page}/{path}", data={"out": "yes"})
            assert answer.status_code == 303
        shown = (await tablet.get(page)).text.partition(name)[2].partition("</li>")[0]
        assert "épuisé jusqu’à" in shown
    async with site.sessions() as session:
        until = (await session.get_one(MenuItem, item)).sold_out_until
        assert until is not None
        assert timedelta() < until - datetime.now(UTC) < timedelta(days=2)
        heard = select(EventOutbox.id).where(EventOutbox.topic == OutboxTopic.AVAILABILITY_CHANGED)
        assert len((await session.scalars(heard)).all()) == 4
        done = select(AuditEntry).where(AuditEntry.action == "set_available")
        entries = (await session.scalars(done)).all()
        assert entries[0].actor.startswith("device:")
        assert entries[0].object == f"dish:{item}"
    board = (await tablet.get(site.path("/kitchen"))).text
    assert 'class="nav-count is-bad" id="out-count">2<' in board
    for path in (f"dish/{item}", f"ingredient/{ingredient}"):
        await tablet.post(f"{page}/{path}", data={"out": "no"})
    assert "épuisé jusqu’à" not in (await tablet.get(page)).text
    theirs = await site.by("other").post(
        f"/place/{site.other}/kitchen/availability/dish/{item}", data={"out": "yes"}
    )
    assert theirs.status_code == 404


async def test_a_ticket_printed_again_says_so(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        order_id = await add_order(
            session, site.restaurant, options=("sans olives",), allergy="noix", customer="Karim"
        )
    path = site.path(f"/orders/{order_id}/ticket")
    seen = (await site.by("tablet").get(path)).text
    for text in ("Karim", "Allergie\u00a0: noix", "SANS OLIVES", "Bon de préparation"):
        assert text in seen
    assert ">DUPLICATA<" not in seen
    first = (await site.by("tablet").post(path)).text
    assert ">DUPLICATA<" not in first
    assert "/static/print.js" in first
    for visitor in ("staff", "tablet"):
        assert ">DUPLICATA<" in (await site.by(visitor).post(path)).text
    theirs = f"/place/{site.other}/orders/{order_id}/ticket"
    for method in ("GET", "POST"):
        assert (await site.by("other").request(method, theirs)).status_code == 404


async def test_a_manager_sets_limits_and_ages_and_keeps_what_was_typed_wrong(
    site: SiteUnderTest,
) -> None:
    _, category = await a_dish(site, "Regina")
    settings = site.path("/kitchen/settings")
    manager = site.by("manager")
    wrong = await manager.post(
        f"{settings}/auto-accept", data={"on": "yes", "most_euros": "12,5", "most_dishes": "0"}
    )
    assert wrong.status_code == 422
    assert 'value="12,5"' in wrong.text
    assert "Écrivez un nombre entier de 1 à 1000." in wrong.text.replace("\u202f", "")
    good = {"on": "yes", "most_euros": "40", "most_dishes": "6"}
    assert (await manager.post(f"{settings}/auto-accept", data=good)).status_code == 303
    reversed_ages = {f"amber-{category}": "12", f"red-{category}": "8"}
    shown = await manager.get(settings)
    everything = {
        name: "10" if name.startswith("amber") else "20"
        for name in [part.split('"')[0] for part in shown.text.split('name="')[1:]]
        if name.startswith(("amber-", "red-"))
    }
    bad = await manager.post(f"{settings}/ages", data=everything | reversed_ages)
    assert bad.status_code == 422
    assert "Le rouge vient après l’orange" in bad.text
    ages = {f"amber-{category}": "6", f"red-{category}": "9"}
    assert (await manager.post(f"{settings}/ages", data=everything | ages)).status_code == 303
    async with site.sessions() as session:
        row = await session.get_one(KitchenSettings, site.restaurant)
        assert (row.auto_accept, row.most_cents, row.most_dishes) == (True, 4_000, 6)
        found = await dish_ages(session, site.restaurant)
        assert found[category] == AgeLimits(amber_minutes=6, red_minutes=9)
        actions = await session.scalars(select(AuditEntry.action))
        assert {"set_auto_accept", "set_dish_ages"} <= set(actions)


async def test_the_age_of_a_category_colours_its_tickets(site: SiteUnderTest) -> None:
    item, category = await a_dish(site, "Soufflé")
    async with site.sessions.begin() as session:
        session.add(
            DishAge(
                restaurant_id=site.restaurant, category_id=category, amber_minutes=4, red_minutes=7
            )
        )
        order_id = await add_order(session, site.restaurant, item_id=item)
    await site.by("tablet").post(site.path(f"/kitchen/orders/{order_id}/accepted"))
    board = (await site.by("tablet").get(site.path("/kitchen"))).text
    ticket = board.partition(f'id="order-{order_id}"')[2].partition(">")[0]
    amber, red = (ticket.partition(f'data-{name}="')[2][:19] for name in ("amber", "red"))
    waited = datetime.fromisoformat(red) - datetime.fromisoformat(amber)
    assert waited == timedelta(minutes=3)
    assert OrderStatus.ACCEPTED in ticket
