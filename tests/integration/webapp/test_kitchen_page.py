"""The kitchen page over HTTP: who may see it, what it shows, what its buttons do."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_sessions
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.order import Order, OrderEvent, OrderStatus, OrderType
from tests.integration.delivery_orders import TO_BELLECOUR
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.kitchen_site import SECRET, TestSite, running_site
from tests.waiting import DEADLINE_S
from webapp.kitchen import tickets
from webapp.kitchen.link import kitchen_key
from webapp.kitchen.tickets import find_kitchen, tickets_by_id, tickets_of_today

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


@pytest.fixture
async def restaurant(sessions: Sessions) -> UUID:
    async with sessions.begin() as session:
        return await add_restaurant(session)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[TestSite]:
    async with running_site(database_url) as site:
        yield site


@pytest.fixture
async def browser() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=DEADLINE_S) as client:
        yield client


async def test_anonymous_and_other_tenants_get_the_answer_of_no_page(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session)
        await add_order(session, restaurant, customer="Camille")
    nowhere = await browser.get(f"{site.base_url}/nowhere")
    page = site.page(restaurant)
    for url in (
        page.partition("?")[0],
        site.page(restaurant, key=""),
        site.page(restaurant, key="wrong"),
        site.page(restaurant, key="x" * 10_000),
        site.page(restaurant, key="%00"),
        site.page(restaurant, key="%ED%A0%80"),
        site.page(restaurant).replace("/kitchen", "%00/kitchen"),
        site.page(restaurant, key=kitchen_key(other, secret=SECRET)),
        site.page(restaurant, key=kitchen_key(restaurant, secret="another secret")),
        site.page(new_id()),
        site.page(restaurant).replace(str(restaurant), "not-an-id"),
    ):
        for url_of_kitchen in (url, url.replace("/kitchen", "/kitchen/events")):
            answer = await browser.get(url_of_kitchen)
            assert (answer.status_code, answer.text) == (404, nowhere.text), url_of_kitchen
            assert answer.headers["content-type"] == nowhere.headers["content-type"]


@pytest.mark.parametrize("dirt", ["%00", "%ED%A0%80", "%0D%0A", "%F0%9F%8D%95", "9" * 20])
async def test_dirt_in_a_request_is_no_failure_of_the_site(
    site: TestSite, restaurant: UUID, browser: httpx2.AsyncClient, dirt: str
) -> None:
    place, _, key = site.page(restaurant).partition("/kitchen?")
    requests = [
        ("GET", f"{site.base_url}/{dirt}"),
        ("GET", f"{site.base_url}/static/{dirt}"),
        ("GET", f"{place}/messages/{dirt}.wav?{key}"),
        ("GET", f"{place}/kitchen?{key}&after={dirt}&{dirt}={dirt}"),
        ("POST", f"{place}/kitchen/orders/{dirt}/accepted?{key}"),
        ("POST", f"{place}/kitchen/orders/{new_id()}/{dirt}?{key}"),
        ("POST", f"{place}/kitchen/messages/{dirt}/heard?{key}"),
    ]
    for method, url in requests:
        answer = await browser.request(method, url)
        assert answer.status_code in {200, 400, 404, 405, 422}, (method, url)


async def test_another_tenants_key_can_neither_see_nor_move_an_order(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    async with sessions.begin() as session:
        other = await add_restaurant(session, name="Chez Autre")
        order_id = await add_order(session, restaurant, customer="Camille")
    page = await browser.get(site.page(other))
    assert page.status_code == 200
    assert "Camille" not in page.text
    url = site.page(other).replace("/kitchen?", f"/kitchen/orders/{order_id}/accepted?")
    assert (await browser.post(url)).status_code == 404
    async with sessions() as session:
        assert await session.scalar(select(Order.status)) == OrderStatus.PLACED


async def test_a_correction_says_which_order_it_replaces(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    async with sessions.begin() as session:
        first = await add_order(session, restaurant, status=OrderStatus.CANCELLED)
        second = await session.get_one(Order, await add_order(session, restaurant))
        second.replaces_id = first
    page = await browser.get(site.page(restaurant))
    assert "Remplace la commande n°&nbsp;1, annulée." in page.text


async def test_an_allergy_is_seen_before_its_order_is_ready(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    """1 the ticket shows it and has no button to "ready", 2 nor does its address help, 3 seen, the
    button is there.
    """
    async with sessions.begin() as session:
        order_id = await add_order(
            session, restaurant, status=OrderStatus.PREPARING, allergy="arachide"
        )
    page = site.page(restaurant)
    ready, seen = (
        page.replace("/kitchen?", f"/kitchen/orders/{order_id}/{end}?")
        for end in ("ready", "allergy/seen")
    )
    shown = (await browser.get(page)).text
    assert "arachide" in shown
    assert "C’est prêt" not in shown
    await browser.post(ready)
    await browser.post(seen)
    async with sessions() as session:
        assert await session.scalar(select(Order.status)) == OrderStatus.PREPARING
    shown = (await browser.get(page)).text
    assert "arachide" in shown
    assert "J’ai vu l’allergie" not in shown
    assert "C’est prêt" in shown
    await browser.post(ready)
    async with sessions() as session:
        assert await session.scalar(select(Order.status)) == OrderStatus.READY


async def test_the_page_shows_what_is_to_make_and_hides_the_number(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    async with sessions.begin() as session:
        await add_order(
            session,
            restaurant,
            dishes=((2, "Margherita", 1_100), (1, "Coca-Cola 33 cl", 250)),
            options=("pâte fine",),
            phone="+33639980134",
            note="sans <olives>",
        )
        await add_order(session, restaurant, customer="Ancien", days_ago=2)
        await add_order(
            session, restaurant, customer="Minuit", days_ago=1, status=OrderStatus.ACCEPTED
        )
        await add_order(
            session, restaurant, customer="Hier", days_ago=1, status=OrderStatus.COMPLETED
        )
        await add_order(session, restaurant, customer="Fini", status=OrderStatus.COMPLETED)
    answer = await browser.get(site.page(restaurant))
    text = answer.text
    assert "Margherita" in text
    assert "pâte fine" in text
    assert "24,50\u00a0€" in text
    assert "••\u00a034" in text
    assert "9980134" not in text
    assert "sans &lt;olives&gt;" in text
    assert text.index("Minuit") < text.index("Terminées") < text.index("Fini")
    assert "Ancien" not in text
    assert "Hier" not in text


async def test_an_open_order_stays_however_many_came_after(
    sessions: Sessions, restaurant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finished ones are cut to the newest, open ones never, on the page as in its stream."""
    monkeypatch.setattr(tickets, "FINISHED_LIMIT", 3)
    async with sessions.begin() as session:
        first = await add_order(session, restaurant, days_ago=1)
        later = [await add_order(session, restaurant) for _ in range(4)]
        done = [
            await add_order(session, restaurant, status=OrderStatus.COMPLETED) for _ in range(4)
        ]
    async with sessions() as session:
        kitchen = await find_kitchen(session, restaurant)
        shown = [ticket.order_id for ticket in await tickets_of_today(session, kitchen)]
        by_id = await tickets_by_id(session, kitchen, [first, *later, *done])
    assert {*shown[:5]} == {first, *later}
    assert len(shown) == 8
    assert {*by_id} == {first, *later, *done}


async def test_a_caller_who_does_not_know_is_called_back_until_the_order_is_done(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    async with sessions.begin() as session:
        order_id = await add_order(session, restaurant, call_back=True)
        await add_order(session, restaurant, call_back=True, phone=None)
    text = (await browser.get(site.page(restaurant))).text
    assert text.count("Il ne sait pas si sa commande est passée.") == 2
    assert text.count('<a href="tel:+33639980134">') == 1
    for status in (OrderStatus.ACCEPTED, OrderStatus.READY, OrderStatus.COMPLETED):
        await browser.post(
            site.page(restaurant).replace("/kitchen?", f"/kitchen/orders/{order_id}/{status}?")
        )
    text = (await browser.get(site.page(restaurant))).text
    assert text.count("Il ne sait pas si sa commande est passée.") == 1
    assert "tel:" not in text


async def test_a_delivery_shows_its_address_goes_out_and_is_delivered(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    """1 ready, it goes out and not to the customer's hand; 2 out, it is delivered; 3 its address is
    shown as long as it is needed, to its own restaurant.
    """
    async with sessions.begin() as session:
        order_id = await add_order(
            session, restaurant, status=OrderStatus.READY, delivery=TO_BELLECOUR
        )
        other = await add_restaurant(session)
    page = site.page(restaurant)
    seen = {}
    for status in (OrderStatus.READY, OrderStatus.OUT_FOR_DELIVERY, OrderStatus.COMPLETED):
        await browser.post(page.replace("/kitchen?", f"/kitchen/orders/{order_id}/{status}?"))
        seen[status] = (await browser.get(page)).text
    assert "Partie en livraison" in seen[OrderStatus.READY]
    assert "Remise au client" not in seen[OrderStatus.READY]
    assert "Client absent" not in seen[OrderStatus.READY]
    assert ">Livrée<" in seen[OrderStatus.OUT_FOR_DELIVERY]
    for status in (OrderStatus.READY, OrderStatus.OUT_FOR_DELIVERY):
        for shown in ("Livraison", "12 bis Rue Victor Hugo", "69002 Lyon", "code B 1204"):
            assert shown in seen[status]
        assert "chez le client à" in seen[status]
    assert "Livrée</span>" in seen[OrderStatus.COMPLETED]
    assert "Rue Victor Hugo" not in seen[OrderStatus.COMPLETED]
    assert "Rue Victor Hugo" not in (await browser.get(site.page(other))).text


async def test_whoever_does_not_come_is_said_by_the_staff_alone(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    """What is not made has no such button, nor does its address help; each type has its words."""
    async with sessions.begin() as session:
        new = await add_order(session, restaurant)
        fetched = await add_order(session, restaurant, status=OrderStatus.READY)
        there = await add_order(
            session, restaurant, status=OrderStatus.READY, order_type=OrderType.ON_SITE
        )
        (await session.get_one(Order, there)).table_name = "Terrasse <3>"
        brought = await add_order(
            session, restaurant, status=OrderStatus.OUT_FOR_DELIVERY, delivery=TO_BELLECOUR
        )
    page = site.page(restaurant)
    text = (await browser.get(page)).text
    assert text.count('class="absent"') == 3
    assert "<strong>Sur place</strong> <span>table Terrasse &lt;3&gt;</span>" in text
    for order_id in (new, fetched, there, brought):
        await browser.post(page.replace("/kitchen?", f"/kitchen/orders/{order_id}/no_show?"))
    text = (await browser.get(page)).text
    assert text.count("Non retirée</span>") == 1
    assert text.count("Client absent</span>") == 2
    async with sessions() as session:
        still = select(Order.id).where(Order.status != OrderStatus.NO_SHOW)
        assert (await session.scalars(still)).all() == [new]


async def test_what_nobody_took_stays_in_sight_with_whom_to_call(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    """It is the first of those that are over, through the next day."""
    async with sessions.begin() as session:
        await add_order(session, restaurant, customer="Fini", status=OrderStatus.COMPLETED)
        for days, customer in enumerate(("Oubliée", "Veille", "Antan")):
            await add_order(
                session, restaurant, customer=customer, status=OrderStatus.EXPIRED, days_ago=days
            )
    text = (await browser.get(site.page(restaurant))).text
    assert text.index("Oubliée") < text.index("Fini")
    assert text.index("Veille") < text.index("Fini")
    assert "Antan" not in text
    assert text.count("Personne n’a pris sa commande.") == 2
    assert text.count('<a href="tel:+33639980134">') == 2


async def test_headers_keep_the_key_at_home(
    site: TestSite, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    for url in (site.page(restaurant), f"{site.base_url}/nowhere", site.base_url + "/healthz"):
        headers = (await browser.get(url)).headers
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers


async def test_every_file_the_page_names_is_there(
    site: TestSite, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    for name, kind in (
        ("kitchen.css", "text/css"),
        ("kitchen.js", "javascript"),
        ("icon.svg", "svg"),
    ):
        assert f"/static/{name}" in (await browser.get(site.page(restaurant))).text
        answer = await browser.get(f"{site.base_url}/static/{name}")
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]
    assert (await browser.get(f"{site.base_url}/static/../settings.py")).status_code == 404


async def test_a_button_moves_the_order_once_and_tells_open_pages(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient
) -> None:
    async with sessions.begin() as session:
        order_id = await add_order(session, restaurant)
    page = site.page(restaurant)  # signed with the second it is written in
    url = page.replace("/kitchen?", f"/kitchen/orders/{order_id}/accepted?")
    for _ in range(2):  # a double tap
        answer = await browser.post(url)
        assert answer.status_code == 303
        assert answer.headers["location"] == page.removeprefix(site.base_url)
    async with sessions() as session:
        assert await session.scalar(select(Order.status)) == OrderStatus.ACCEPTED
        (event,) = await session.scalars(select(OrderEvent))
        assert (event.from_status, event.to_status, event.actor) == (
            "placed",
            "accepted",
            "kitchen",
        )
        topics = await session.scalars(select(EventOutbox.topic).order_by(EventOutbox.id))
        assert topics.all() == ["order_placed", "order_status_changed"]


@pytest.mark.parametrize("to", ["placed", "completed", "eaten"])
async def test_a_step_that_is_not_allowed_changes_nothing(
    site: TestSite, sessions: Sessions, restaurant: UUID, browser: httpx2.AsyncClient, to: str
) -> None:
    async with sessions.begin() as session:
        order_id = await add_order(session, restaurant, status=OrderStatus.ACCEPTED)
    url = site.page(restaurant).replace("/kitchen?", f"/kitchen/orders/{order_id}/{to}?")
    assert (await browser.post(url)).status_code == (404 if to == "eaten" else 303)
    async with sessions() as session:
        assert await session.scalar(select(Order.status)) == OrderStatus.ACCEPTED
        assert (await session.scalars(select(OrderEvent))).all() == []


async def test_the_public_port_tells_of_its_health_and_nothing_else(
    site: TestSite, browser: httpx2.AsyncClient
) -> None:
    assert (await browser.get(f"{site.base_url}/healthz")).text == "ok"
    assert (await browser.get(f"{site.base_url}/metrics")).status_code == 404
