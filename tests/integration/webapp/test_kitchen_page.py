"""The kitchen's page: what a tablet and the staff see of the orders, and what their buttons do."""

from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from controlplane.contracts.identifiers import new_id
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.busy_state import BusyState
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.menu import MenuCategory, MenuItem, Option, OptionGroup
from controlplane.models.order import Order, OrderEvent, OrderLine, OrderStatus, OrderType
from tests.integration.delivery_orders import TO_BELLECOUR
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.kitchen import queries
from webapp.kitchen.queries import find_kitchen, tickets_by_id, tickets_of_today

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(autouse=True)
async def no_orders(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        for table in ('"order"', "event_outbox", "busy_state"):
            await session.execute(text(f"DELETE FROM {table}"))


async def order(site: SiteUnderTest, **given: object) -> UUID:
    async with site.sessions.begin() as session:
        return await add_order(session, site.restaurant, **given)  # type: ignore[arg-type]


async def board(site: SiteUnderTest, visitor: str = "tablet", query: str = "") -> str:
    answer = await site.by(visitor).get(site.path(f"/kitchen{query}"))
    assert answer.status_code == 200
    return answer.text


async def press(site: SiteUnderTest, path: str, visitor: str = "tablet", **form: str) -> int:
    """Send what a button sends; return the status."""
    answer = await site.by(visitor).post(site.path(f"/kitchen/{path}"), data=form)
    return answer.status_code


async def status_of(site: SiteUnderTest, order_id: UUID) -> str:
    async with site.sessions() as session:
        return (await session.get_one(Order, order_id)).status


def lane(page: str, name: str) -> str:
    """The part of the page that is in this lane."""
    return page.partition(f'id="lane-{name}"')[2].partition("</section>")[0]


@pytest.mark.parametrize("dirt", ["%00", "%ED%A0%80", "%0D%0A", "%F0%9F%8D%95", "9" * 20])
async def test_dirt_in_a_request_is_no_failure_of_the_site(site: SiteUnderTest, dirt: str) -> None:
    requests = [
        ("GET", f"/messages/{dirt}.wav"),
        ("GET", f"/kitchen?station={dirt}&{dirt}={dirt}"),
        ("GET", f"/events?topics={dirt}&after={dirt}"),
        ("GET", f"/events?topics=ticket:{dirt},voice&after={dirt}&once=true"),
        ("POST", f"/kitchen/orders/{dirt}/accepted"),
        ("POST", f"/kitchen/orders/{new_id()}/{dirt}"),
        ("POST", f"/kitchen/messages/{dirt}/heard"),
    ]
    for method, path in requests:
        answer = await site.by("tablet").request(method, site.path(path))
        assert answer.status_code in {200, 400, 404, 405, 422}, (method, path)


async def test_another_tenant_can_neither_see_nor_move_an_order(site: SiteUnderTest) -> None:
    order_id = await order(site, customer="Camille")
    theirs = f"/place/{site.other}/kitchen"
    page = await site.by("other").get(theirs)
    assert page.status_code == 200
    assert "Camille" not in page.text
    moved = await site.by("other").post(f"{theirs}/orders/{order_id}/accepted")
    assert moved.status_code == 404
    assert await status_of(site, order_id) == OrderStatus.PLACED


async def test_a_ticket_says_what_to_make_and_hides_the_number(site: SiteUnderTest) -> None:
    await order(
        site,
        dishes=((2, "Margherita", 1_100), (1, "Coca-Cola 33 cl", 250)),
        options=("pâte fine",),
        note="<script>alert(1)</script> sans <olives>",
    )
    await order(site, customer="Ancien", days_ago=2)
    await order(site, customer="Minuit", days_ago=1, status=OrderStatus.ACCEPTED)
    await order(site, customer="Hier", days_ago=1, status=OrderStatus.COMPLETED)
    await order(site, customer="Fini", status=OrderStatus.COMPLETED)
    for visitor in ("tablet", "staff"):
        page = await board(site, visitor)
        assert "Margherita" in lane(page, "new")
        assert "pâte fine" in page
        assert "24,50\u00a0€" in page
        assert "••\u00a034" in page
        assert "9980134" not in page
        assert "sans &lt;olives&gt;" in page
        assert "<script>alert" not in page
        assert "Minuit" in lane(page, "accepted")
        assert "Fini" in lane(page, "over")
        assert "Ancien" not in page
        assert "Hier" not in page
        assert "Bon de préparation" in page


async def test_an_open_order_stays_however_many_came_after(
    site: SiteUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished ones are cut to the newest, open ones never, on the page as in its stream."""
    monkeypatch.setattr(queries, "FINISHED_LIMIT", 3)
    first = await order(site, days_ago=1)
    later = [await order(site) for _ in range(4)]
    done = [await order(site, status=OrderStatus.COMPLETED) for _ in range(4)]
    async with site.session() as session:
        kitchen = await find_kitchen(session, site.restaurant)
        shown = [ticket.order_id for ticket in await tickets_of_today(session, kitchen)]
        by_id = await tickets_by_id(session, kitchen, [first, *later, *done])
    assert {*shown[:5]} == {first, *later}
    assert len(shown) == 8
    assert {*by_id} == {first, *later, *done}


async def test_an_allergy_is_read_before_its_order_is_accepted(site: SiteUnderTest) -> None:
    """1 The ticket shows it and has no button to accept, 2 nor does its address help; 3 read, the
    button is there, and the allergy still is.
    """
    order_id = await order(site, allergy="arachide")
    shown = await board(site)
    assert "ALLERGIE\u00a0: arachide" in shown
    assert f"{order_id}/accepted" not in shown
    for visitor in ("tablet", "owner"):
        assert await press(site, f"orders/{order_id}/accepted", visitor) == 303
    assert await status_of(site, order_id) == OrderStatus.PLACED
    assert await press(site, f"orders/{order_id}/allergy/seen") == 303
    shown = await board(site)
    assert "ALLERGIE\u00a0: arachide" in shown
    assert "J’ai lu l’allergie" not in shown
    assert await press(site, f"orders/{order_id}/accepted") == 303
    assert await status_of(site, order_id) == OrderStatus.ACCEPTED


async def test_a_button_moves_the_order_once_tells_open_pages_and_is_taken_back(
    site: SiteUnderTest,
) -> None:
    """1 A double tap moves it once, by the name of who tapped. 2 Somebody else cannot take it back,
    nor can anybody take back what was not done. 3 Who tapped can, once. 4 Later nobody can.
    """
    order_id = await order(site)
    for _ in range(2):
        assert await press(site, f"orders/{order_id}/accepted") == 303
    async with site.sessions() as session:
        (event,) = await session.scalars(select(OrderEvent))
        assert (event.from_status, event.to_status) == ("placed", "accepted")
        assert event.actor.startswith("device:")
        topics = await session.scalars(select(EventOutbox.topic).order_by(EventOutbox.id))
        assert topics.all() == ["order_placed", "order_status_changed"]
    back = f"orders/{order_id}/take-back"
    assert await press(site, back, "staff", left="placed") == 409
    assert await press(site, back, left="preparing") == 409
    assert await status_of(site, order_id) == OrderStatus.ACCEPTED
    for _ in range(2):
        assert await press(site, back, left="placed") == 303
    assert await status_of(site, order_id) == OrderStatus.PLACED
    assert await press(site, f"orders/{order_id}/accepted") == 303
    async with site.sessions.begin() as session:
        await session.execute(text("UPDATE order_event SET at = at - interval '11 seconds'"))
    assert await press(site, back, left="placed") == 409
    assert await status_of(site, order_id) == OrderStatus.ACCEPTED


@pytest.mark.parametrize("to", ["placed", "completed", "eaten"])
async def test_a_step_that_is_not_allowed_changes_nothing(site: SiteUnderTest, to: str) -> None:
    order_id = await order(site, status=OrderStatus.ACCEPTED)
    assert await press(site, f"orders/{order_id}/{to}") == (404 if to == "eaten" else 303)
    assert await status_of(site, order_id) == OrderStatus.ACCEPTED
    async with site.sessions() as session:
        assert (await session.scalars(select(OrderEvent))).all() == []


async def test_a_caller_who_does_not_know_is_called_back_until_the_order_is_done(
    site: SiteUnderTest,
) -> None:
    """The staff see whom to call; a tablet on the wall does not show numbers."""
    order_id = await order(site, call_back=True)
    await order(site, call_back=True, phone=None)
    text = await board(site, "staff")
    assert text.count("Il ne sait pas si sa commande est passée.") == 2
    assert text.count('<a href="tel:+33639980134">') == 1
    assert "tel:" not in await board(site, "tablet")
    for status in (OrderStatus.ACCEPTED, OrderStatus.READY, OrderStatus.COMPLETED):
        await press(site, f"orders/{order_id}/{status}")
    text = await board(site, "staff")
    assert text.count("Il ne sait pas si sa commande est passée.") == 1
    assert "tel:" not in text


async def test_a_delivery_shows_its_address_goes_out_and_is_delivered(
    site: SiteUnderTest,
) -> None:
    """1 Ready, it goes out and not to the customer's hand; 2 out, it is delivered; 3 its address is
    shown as long as it is needed.
    """
    order_id = await order(site, status=OrderStatus.READY, delivery=TO_BELLECOUR)
    seen = {}
    for status in (OrderStatus.READY, OrderStatus.OUT_FOR_DELIVERY, OrderStatus.COMPLETED):
        await press(site, f"orders/{order_id}/{status}")
        seen[status] = await board(site)
    assert "Partie en livraison" in seen[OrderStatus.READY]
    assert "Remise au client" not in seen[OrderStatus.READY]
    assert "Client absent" not in seen[OrderStatus.READY]
    assert f"{order_id}/completed" in seen[OrderStatus.OUT_FOR_DELIVERY]
    for status in (OrderStatus.READY, OrderStatus.OUT_FOR_DELIVERY):
        for shown in ("Livraison", "12 bis Rue Victor Hugo", "69002 Lyon", "code B 1204"):
            assert shown in lane(seen[status], "ready")
        assert "chez le client à" in seen[status]
    assert "Livrée" in lane(seen[OrderStatus.COMPLETED], "over")
    assert "Rue Victor Hugo" not in seen[OrderStatus.COMPLETED]


async def test_whoever_does_not_come_is_said_by_the_staff_alone(site: SiteUnderTest) -> None:
    """What is not made has no such button, nor does its address help; each type has its words."""
    new = await order(site)
    fetched = await order(site, status=OrderStatus.READY)
    there = await order(site, status=OrderStatus.READY, order_type=OrderType.ON_SITE)
    async with site.sessions.begin() as session:
        (await session.get_one(Order, there)).table_name = "Terrasse <3>"
    brought = await order(site, status=OrderStatus.OUT_FOR_DELIVERY, delivery=TO_BELLECOUR)
    page = await board(site)
    assert page.count("/no_show") == 3
    assert "table Terrasse &lt;3&gt;" in page
    for order_id in (new, fetched, there, brought):
        await press(site, f"orders/{order_id}/no_show")
    over = lane(await board(site), "over")
    assert over.count("Non retirée") == 1
    assert over.count("Client absent") == 2
    assert await status_of(site, new) == OrderStatus.PLACED


async def test_what_nobody_took_and_what_it_corrects_stay_in_sight(site: SiteUnderTest) -> None:
    await order(site, customer="Fini", status=OrderStatus.COMPLETED)
    first = await order(site, status=OrderStatus.CANCELLED)
    for days, customer in enumerate(("Oubliée", "Veille", "Antan")):
        await order(site, customer=customer, status=OrderStatus.EXPIRED, days_ago=days)
    second = await order(site)
    async with site.sessions.begin() as session:
        (await session.get_one(Order, second)).replaces_id = first
    page = await board(site, "staff")
    over = lane(page, "over")
    assert "Oubliée" in over
    assert "Veille" in over
    assert "Antan" not in page
    assert over.count("Personne n’a pris sa commande.") == 2
    assert over.count('<a href="tel:+33639980134">') == 2
    assert "Remplace la commande n°\u00a02, annulée." in lane(page, "new")


async def test_set_menus_are_unfolded_summed_split_by_station_and_crossed_off(
    site: SiteUnderTest,
) -> None:
    """1 Two menus of a pizza and a dessert are two of each, at their stations. 2 The sum over open
    orders has them, and the pizza ordered by itself. 3 A station sees its own dishes, and orders
    without any not at all. 4 What is crossed off is made, on every screen, until it is taken back.
    """
    pizza, dessert = new_id(), new_id()
    async with site.sessions.begin() as session:
        category, group = new_id(), new_id()
        session.add(MenuCategory(id=category, restaurant_id=site.restaurant, name="P", position=0))
        session.add(
            OptionGroup(
                id=group,
                restaurant_id=site.restaurant,
                name="Plat",
                min_select=0,
                max_select=2,
                position=0,
            )
        )
        await session.flush()
        for position, (item, name, station) in enumerate(
            ((pizza, "Regina", "four"), (dessert, "Affogato", "salle"))
        ):
            session.add(
                MenuItem(
                    id=item,
                    restaurant_id=site.restaurant,
                    category_id=category,
                    name=name,
                    spoken_name=name,
                    price_cents=900,
                    vat_rate_bp=1_000,
                    position=position,
                    station=station,
                )
            )
        await session.flush()
        chosen = [(new_id(), "Regina", pizza), (new_id(), "Affogato", dessert)]
        session.add_all(
            Option(
                id=option,
                restaurant_id=site.restaurant,
                option_group_id=group,
                item_id=item,
                name=name,
                spoken_name=name,
                price_delta_cents=0,
                position=0,
            )
            for option, name, item in chosen
        )
    menus = await order(site, dishes=((2, "Formule midi", 1_500),), status=OrderStatus.ACCEPTED)
    await order(site, dishes=((3, "Regina", 900),), item_id=pizza)
    drink = await order(site, dishes=((1, "Limonade", 300),))
    async with site.sessions.begin() as session:
        options = [{"id": str(i), "name": name, "price_delta_cents": 0} for i, name, _ in chosen]
        line = await session.scalar(
            update(OrderLine)
            .where(OrderLine.order_id == menus)
            .values(options=options)
            .returning(OrderLine.id)
        )
    page = await board(site)
    assert page.count("<strong>5&nbsp;×</strong> Regina") == 1
    assert page.count("<strong>2&nbsp;×</strong> Affogato") == 1
    oven = await board(site, query="?station=four")
    assert "Affogato" not in oven
    assert "2 plats à d’autres postes" in oven
    assert str(drink) not in oven
    made = f"orders/{menus}/dishes/{line}/{chosen[0][0]}"
    for _ in range(2):
        assert await press(site, made, made="yes") == 303
    page = await board(site, "staff")
    assert page.count("<strong>3&nbsp;×</strong> Regina") == 1
    assert 'class="part crossable crossed"' in page
    assert await press(site, made, made="no") == 303
    assert "<strong>5&nbsp;×</strong> Regina" in await board(site)
    assert await press(site, f"orders/{menus}/dishes/{line}/{new_id()}", made="yes") == 404
    assert await press(site, f"orders/{drink}/dishes/{line}/{line}", made="yes") == 404


async def test_a_rush_is_one_tap_ends_by_itself_and_says_who_said_so(site: SiteUnderTest) -> None:
    assert await press(site, "busy", "staff", delay="15") == 303
    page = await board(site)
    assert "Coup de feu\u00a0: + 15\u00a0min jusqu’à" in page
    async with site.sessions.begin() as session:
        state = await session.get_one(BusyState, site.restaurant)
        assert (state.level, state.delay_minutes, state.set_by) == ("busy", 15, "Staff Esposito")
        assert state.until is not None
        await session.execute(text("UPDATE busy_state SET until = now() - interval '1 second'"))
        (entry,) = await session.scalars(select(AuditEntry).where(AuditEntry.action == "set_busy"))
        assert entry.actor == f"user:{site.users['staff']}"
    assert "Coup de feu" not in await board(site)
    assert await press(site, "busy", delay="pause") == 303
    assert "Pause\u00a0: aucune commande n’est prise jusqu’à" in await board(site)
    assert await press(site, "busy", delay="0") == 303
    assert "Pause\u00a0:" not in await board(site)
    assert await press(site, "busy", delay="500") == 404  # no such button


async def test_the_counter_sees_who_may_be_handed_their_order(site: SiteUnderTest) -> None:
    await order(site, customer="Nadia", status=OrderStatus.READY)
    await order(site, customer="Thomas", status=OrderStatus.PREPARING)
    await order(site, customer="Karim")
    page = (await site.by("tablet").get(site.path("/kitchen/pickup"))).text
    assert "Nadia" in lane(page, "ready")
    assert "Thomas" in lane(page, "preparing")
    assert "Karim" not in page


async def test_the_page_works_without_javascript(site: SiteUnderTest) -> None:
    await order(site)
    page = await board(site)
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page
    assert 'method="post"' in page
