"""Customers are found and known by those who may; numbers are blocked and taken again; the owner
exports all that is known of one, and has them forgotten, with a certificate.
"""

import json
import re
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import select, text, update

from controlplane.models.customer import Customer
from controlplane.models.order import OrderStatus
from controlplane.models.user_session import UserSession
from controlplane.restaurants.customers import remember_customer
from controlplane.restaurants.place_order import utc_now
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.order_site import PHONE, called_order
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


def plain(html: str) -> str:
    return re.sub(r"[\u00a0\u202f]", " ", unescape(html))


async def known(site: SiteUnderTest, number: str, name: str | None) -> UUID:
    async with site.sessions.begin() as session:
        for restaurant in (site.restaurant, site.other):
            await remember_customer(session, restaurant, number=number, name=name, at=utc_now())
        found = select(Customer.id).where(Customer.phone_e164 == number)
        found = found.where(Customer.restaurant_id == site.restaurant)
        return (await session.scalars(found)).one()


async def test_customers_are_found(site: SiteUnderTest) -> None:
    for n in range(45):
        await known(site, f"+3363998{n + 2000}", f"Client {n:02d}")
    zoe = await known(site, "+33639981299", "Zoé <b>")
    client = site.by("manager")
    page = plain((await client.get(site.path("/customers"))).text)
    assert "Zoé <b>" in page
    assert "Client 00" not in page
    older = re.search(r'href="([^"]*after=[^"]*)"', page)
    assert older
    assert "Client 00" in plain((await client.get(older[1])).text)
    for q in ("zoé", "12 99", "06 39 98 12 99", "<b>"):
        found = (await client.get(site.path("/customers"), params={"q": q})).text
        assert found.count('class="item"') == 1, q
    for q in ("%", "_", "\x00'", "1" * 70):
        answer = await client.get(site.path("/customers"), params={"q": q, "after": q})
        assert answer.status_code == 200, q
    assert (await site.by("other").get(site.path(f"/customers/{zoe}"))).status_code == 404
    theirs = f"/place/{site.other}/customers/{zoe}"
    assert (await site.by("other").get(theirs)).status_code == 404, "it is our customer's id"


async def test_calls_of_a_number_are_refused_and_taken_again(site: SiteUnderTest) -> None:
    customer = await known(site, "+33639987712", "Farceur")
    client, path = site.by("manager"), f"/customers/{customer}"
    for _ in range(2):
        assert (await client.post(site.path(f"{path}/block"))).status_code == 303
    assert "Bloqué" in (await client.get(site.path(path))).text
    for number, status in (
        ("01 23", 422),
        ("01 99 00 11 11", 422),
        ("\x00", 422),
        ("06 39 98 77 13", 303),
    ):
        answer = await client.post(site.path("/customers/blocked"), data={"number": number})
        assert answer.status_code == status, number
    shown = plain((await client.get(site.path("/customers/blocked"))).text)
    assert "06 39 98 77 12" in shown
    assert "06 39 98 77 13" in shown
    for _ in range(2):
        assert (await client.post(site.path(f"{path}/unblock"))).status_code == 303
        answer = await client.post(
            site.path("/customers/unblocked"), data={"number": "+33639987713"}
        )
        assert answer.status_code == 303
    async with site.sessions() as session:
        log = await session.execute(
            text("SELECT action, object FROM audit_log WHERE action ~ 'block' ORDER BY at")
        )
        assert [tuple(row) for row in log] == [
            ("block_caller", "blocked_caller"),
            ("block_caller", "blocked_caller"),
            ("unblock_caller", "blocked_caller"),
            ("unblock_caller", "blocked_caller"),
        ]


async def test_who_asks_gets_their_data_and_is_forgotten(site: SiteUnderTest) -> None:
    """1 a stale password is asked again, 2 the export has words and number, 3 an order in hand
    stays and says why, 4 once it is done nothing is left, here, and the neighbour keeps theirs.
    """
    order_id = await called_order(site)
    customer = await known(site, PHONE, "Camille Delacroix")
    async with site.sessions.begin() as session:
        await add_order(session, site.other, phone=PHONE, customer="Camille")
        await session.execute(
            update(UserSession)
            .where(UserSession.user_id == site.users["owner"])
            .values(confirmed_at=None)
        )
    owner, rights = site.by("owner"), site.path("/customers/rights")
    data = {"number": "06 39 98 01 34", "confirmed": "on"}
    for answer in (
        await owner.get(rights),
        await owner.post(f"{rights}/export", data=data),
        await owner.post(f"{rights}/erase", data=data),
    ):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/account/confirm?next=")
    await site.sign_in("owner")
    assert "06 39" not in (await owner.get(rights)).text
    filled = (await owner.get(f"{rights}?customer={customer}")).text
    assert f'value="{PHONE}"' in filled
    export = await owner.post(f"{rights}/export", data=data)
    assert export.headers["content-disposition"].startswith("attachment")
    rows = json.loads(export.text)
    assert {"call", "call_turn", "customer", "order", "order_line"} <= rows.keys()
    assert "Je suis allergique" in export.text
    assert str(site.other) not in export.text
    for wrong in ({"number": "12", "confirmed": "on"}, {"number": PHONE}):
        assert (await owner.post(f"{rights}/erase", data=wrong)).status_code == 422
    assert (await owner.post(f"{rights}/export", data={"number": "x"})).status_code == 422

    first = plain((await owner.post(f"{rights}/erase", data=data)).text)
    assert "une commande est en préparation" in first
    async with site.sessions.begin() as session:
        await session.execute(
            text('UPDATE "order" SET status = :done WHERE id = :id'),
            {"done": OrderStatus.COMPLETED, "id": order_id},
        )
    second = plain((await owner.post(f"{rights}/erase", data=data)).text)
    assert "rien trouvé" in second
    assert "gardé dix ans" in second
    third = plain((await owner.post(f"{rights}/erase", data=data)).text)
    assert "Rien n’était connu" in third
    assert (await owner.get(site.path(f"/customers/{customer}"))).status_code == 404
    async with site.sessions() as session:
        left = await session.scalars(
            select(Customer.restaurant_id).where(Customer.phone_e164 == PHONE)
        )
        assert left.all() == [site.other]
        actors = await session.scalars(
            text("SELECT DISTINCT actor FROM audit_log WHERE action ~ 'erase|export'")
        )
        assert actors.all() == [f"user:{site.users['owner']}"]
