"""Orders are found, read and moved on by those who work there; one is typed, corrected, refused in
the words its customer gets; nothing typed is lost, and nothing is placed twice.
"""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import select, update

from controlplane.models.notification import Notification
from controlplane.models.order import Order, OrderEvent, OrderStatus
from controlplane.models.restaurant import Restaurant
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.order_site import add_menu, called_order, of
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def plain(html: str) -> str:
    return re.sub(r"[\u00a0\u202f]", " ", unescape(html))


async def read(site: SiteUnderTest, path: str, visitor: str = "staff") -> str:
    answer = await site.by(visitor).get(site.path(path))
    assert answer.status_code == 200, answer.text
    return plain(answer.text)


def sent_from(html: str) -> dict[str, list[str]]:
    """The hidden fields of the page of an order that is typed, as a browser sends them again."""
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html):
        fields.setdefault(name, []).append(unescape(value))
    return fields


async def press(
    site: SiteUnderTest,
    html: str,
    do: str,
    typed: dict[str, str] | None = None,
    *,
    status: int = 200,
) -> str:
    fields = sent_from(html) | {name: [value] for name, value in (typed or {}).items()}
    data: dict[str, object] = {**fields, "do": do}
    answer = await site.by("staff").post(site.path("/orders/new"), data=data)
    assert answer.status_code == status, answer.text
    return answer.text if status != 303 else answer.headers["location"]


async def test_orders_are_found_by_number_name_and_telephone(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        for n in range(33):
            await add_order(session, site.restaurant, customer=f"Client {n:02d}", days_ago=1)
        await add_order(
            session,
            site.restaurant,
            customer="50 % <Zoé>",
            phone="+33639981299",
            status=OrderStatus.COMPLETED,
        )
        await add_order(session, site.other, customer="Zoé d’à côté", phone="+33639981299")
    in_hand = await read(site, "/orders")
    assert "Client 32" in in_hand
    assert "<Zoé>" not in in_hand, "it is over"
    older = re.search(r'href="([^"]*after=[^"]*)"', in_hand)
    assert older
    assert "Client 00" not in in_hand
    assert "Client 00" in plain((await site.by("staff").get(older[1])).text)
    for q in ("Zoé", "%", "1299", "06 39 98 12 99", "34"):
        found = await read(site, f"/orders?q={q.replace('%', '%25')}")
        assert found.count("order-item") == 1, q
        assert "d’à côté" not in found
    for q in ("_", "9" * 60, "'"):
        answer = await site.by("staff").get(site.path("/orders"), params={"q": q, "after": q})
        assert (answer.status_code, answer.text.count("order-item")) == (200, 0)
    assert (await site.by("staff").get(site.path("/orders?q=%00&day=%00"))).status_code == 200
    assert "9,50 €" in in_hand, "what an order costs is asked at the counter"
    assert "commande, 9,50 €" not in in_hand, "what the day brought is not for all"
    assert "commande, 9,50 €" in await read(site, "/orders", "manager")


async def test_one_order_is_read_moved_on_and_refused(site: SiteUnderTest) -> None:
    """1 its page says what was said and asks to read the allergy, 2 then it is accepted, and a step
    back is none, 3 the refusal shows the very SMS, 4 whoever saw it otherwise refuses nothing.
    """
    order_id = await called_order(site)
    path = f"/orders/{order_id}"
    page = await read(site, path)
    for said in ("Deux margheritas", "bien cuite", "06 39 98 01 34", "l’IA, au téléphone"):
        assert said in page
    assert 'name="to"' not in page, "the allergy is read first"
    client = site.by("staff")
    assert (await client.post(site.path(f"{path}/allergy"))).status_code == 303
    assert "Staff Esposito" in await read(site, path)
    for to, status in (("accepted", 303), ("accepted", 303), ("placed", 409), ("rejected", 200)):
        answer = await client.post(site.path(f"{path}/status"), data={"to": to})
        assert answer.status_code == status, to
    refusal = f"{path}/reject"
    assert "votre commande" in await read(site, refusal)
    for data, status in (
        ({"seen": "accepted"}, 422),
        ({"seen": "accepted", "reason": "nonsense"}, 422),
        ({"seen": "placed", "reason": "sold_out"}, 409),
        ({"seen": "accepted", "reason": "sold_out"}, 303),
        ({"seen": "accepted", "reason": "sold_out"}, 303),
    ):
        answer = await client.post(site.path(refusal), data=data)
        assert answer.status_code == status, data
    assert (await client.get(site.path(refusal))).status_code == 303
    assert "Il manque un plat" in await read(site, path)
    async with site.sessions() as session:
        told = await session.scalars(
            select(Notification.kind).where(Notification.about_id == order_id)
        )
        assert told.all() == ["order_cancelled"]
    for visitor, status in (("other", 404), ("tablet", 404)):
        assert (await site.by(visitor).get(site.path(path))).status_code == status


async def test_an_order_is_typed_once(site: SiteUnderTest) -> None:
    """1 a dish with a choice asks for it, 2 a wrong number loses nothing, 3 the order is placed by
    whoever typed it, 4 the same page again leads to it, 5 it is corrected, 6 and found replaced.
    """
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
    margherita, cola = (of(site.restaurant, name) for name in ("Margherita", "Coca-Cola 33 cl"))
    page = (await site.by("staff").get(site.path("/orders/new"))).text
    page = await press(site, page, f"add:{margherita}")
    assert "épaisse" in page
    page = await press(site, page, "put", {"quantity": "2"})
    assert "Il manque un choix" in plain(page)
    thick = {f"group-{of(site.restaurant, 'Pâte')}": str(of(site.restaurant, "épaisse"))}
    page = await press(site, page, "put", {"quantity": "2", **thick})
    page = await press(site, page, f"add:{cola}")
    page = await press(site, page, "more:1")
    page = await press(site, page, "less:1")
    assert "23,50 €" in plain(page)
    typed = {"customer_name": "Zoé \x00", "phone": "12", "note": "l'ail à part", "allergy": "lait"}
    page = await press(site, page, "place", typed, status=422)
    assert "Ce numéro n’existe pas" in plain(page)
    assert "l&#39;ail à part" in page
    typed["phone"] = "06 39 98 77 01"
    located = await press(site, page, "place", typed, status=303)
    order_id = UUID(located.rpartition("/")[2])
    assert await press(site, page, "place", typed, status=303) == located
    again = await press(site, page, "remove:1")
    assert await press(site, again, "place", typed, status=303) == located, "it was placed"
    shown = await read(site, f"/orders/{order_id}")
    for said in ("Zoé", "l'ail à part", "Allergie : lait", "23,50 €", "Staff Esposito"):
        assert said in shown, said
    found = await press(site, page, "find", {"phone": "06 39 98 77 01", "customer_name": ""})
    assert 'value="Zoé"' in found
    assert "Client connu" in plain(found)
    nobody = await press(site, page, "find", {"phone": "06 39 98 77 02", "customer_name": "Ana"})
    assert "Nouveau client" in plain(nobody)
    assert 'value="Ana"' in nobody
    wrong = await press(site, page, "find", {"phone": "\x00"})
    assert "Ce numéro n’existe pas" in plain(wrong)
    correction = (await site.by("staff").get(site.path(f"/orders/new?replaces={order_id}"))).text
    assert "Zoé" in correction
    page = await press(site, correction, "remove:1")
    replaced = await press(
        site, page, "place", {"customer_name": "Zoé", "phone": "0639987701"}, status=303
    )
    assert replaced != located
    assert "Corrigée par la commande" in await read(site, f"/orders/{order_id}")
    late = await site.by("staff").get(site.path(f"/orders/new?replaces={order_id}"))
    assert late.status_code == 303


async def test_what_was_not_shown_is_not_placed(site: SiteUnderTest) -> None:
    """The price changed, the time passed, the restaurant closed: the page says so and keeps all."""
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
    page = (await site.by("staff").get(site.path("/orders/new"))).text
    page = await press(site, page, f"add:{of(site.restaurant, 'Reine')}")
    wrong = await press(site, page, "place", {"told": "1", "customer_name": "Ana"}, status=422)
    assert "Le total est maintenant de 11,50 €" in plain(wrong)
    assert 'value="Ana"' in wrong
    gone = "2026-11-27T12:00:00+01:00"
    wrong = await press(site, page, "place", {"wanted_at": gone}, status=422)
    assert f'value="{gone}" selected' in wrong, "it is not silently as soon as possible"
    page = await press(site, page, "type:delivery")
    address = {"street": "", "postcode": "1", "city": "Lyon"}
    wrong = await press(site, page, "place", address, status=422)
    assert "Écrivez la rue" in plain(wrong)
    address |= {"street": "rue X", "postcode": "69002"}
    wrong = await press(site, page, "place", address, status=422)
    assert "hors de vos zones" in plain(wrong)
    async with site.sessions.begin() as session:
        await session.execute(
            update(Restaurant).where(Restaurant.id == site.restaurant).values(status="paused")
        )
    assert "ne prend pas de commandes" in plain(await press(site, wrong, "place", status=422))
    async with site.sessions.begin() as session:
        await session.execute(
            update(Restaurant).where(Restaurant.id == site.restaurant).values(status="live")
        )
        placed = await session.scalars(
            select(OrderEvent.order_id)
            .join(Order, Order.id == OrderEvent.order_id)
            .where(Order.customer_name == "Ana")
        )
        assert placed.all() == []


async def test_garbage_in_a_typed_order_is_dropped(site: SiteUnderTest) -> None:
    garbage = {
        "line": ["x", "::", f"{of(site.restaurant, 'Reine')}:0:", f"{site.restaurant}:1:y,"],
        "key": "\x00",
        "replaces": "no uuid",
        "order_type": "by_drone",
        "choosing": "?",
        "quantity": "-1",
        "told": "many",
        "wanted_at": str(timedelta()),
    }
    for do in ("", "keep", "more:99", "less:x", "add:", "put", "type:drone", "place", "remove:-1"):
        data: dict[str, object] = {**garbage, "do": do}
        answer = await site.by("staff").post(site.path("/orders/new"), data=data)
        assert answer.status_code == (422 if do == "place" else 200), do


async def test_open_pages_of_orders_hear_of_them(site: SiteUnderTest) -> None:
    """1 the pages name what they hear of, 2 a step taken elsewhere brings the list, and one order
    to its own page alone, 3 a tablet and the neighbour hear nothing of it.
    """
    order_id, other = await called_order(site), await called_order(site)
    listed = await read(site, "/orders")
    after = re.search(r'data-topics="orders" data-after="(\d+)"', listed)
    assert after
    assert f"orders:{order_id} order:{order_id}" in await read(site, f"/orders/{order_id}")
    assert 'data-topics="orders"' not in await read(site, "/orders?state=all"), "it would mislead"
    client = site.by("staff")
    await client.post(site.path(f"/orders/{order_id}/allergy"))
    await client.post(site.path(f"/orders/{order_id}/status"), data={"to": "accepted"})
    topics = f"orders:{order_id},order:{order_id},order:{other},order:x,order:"
    events = f"/events?topics={topics}&after={after[1]}&once=true"
    heard = (await client.get(site.path(events))).text
    assert 'id=\\"orders-open\\"' in heard
    assert heard.count('id=\\"order-ticket\\"') == 1
    assert "Staff Esposito" in heard
    unheard = (await site.by("tablet").get(site.path(events))).text
    assert str(order_id) not in unheard
    assert (await site.by("other").get(site.path(events))).status_code == 404
