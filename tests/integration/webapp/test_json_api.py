"""A restaurant's own programs read and move its orders and reservations by the JSON API: each deed
once, nothing of a neighbour's, and never a server error, whatever is sent.
"""

import asyncio
import json
import os
import re
import sys
from datetime import datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from sqlalchemy import text

from controlplane.local.demo.dining_room import add_dining_room
from controlplane.models.api_token import ApiScope
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.api_clients import API, KNOWN, a_token, key, program, requests
from tests.integration.webapp.order_site import add_menu, of
from tests.integration.webapp.pages.reservations import PARIS
from tests.integration.webapp.site_under_test import SiteUnderTest, served
from tests.integration.webapp.test_reservation_pages import TOMORROW
from webapp.api.access import MOST_A_MINUTE

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "follow_orders.py"
PROBLEM = "application/problem+json"


async def test_a_website_books_once_and_learns_what_else_is_free(site: SiteUnderTest) -> None:
    """1. A table is booked, and booked once under its key. 2. The key with another body is refused.
    3. The next guests get a problem that names the rule and the free times. 4. It is cancelled.
    """
    async with site.sessions.begin() as session:
        await add_dining_room(session, site.restaurant, tables=((1, 4),))
    at = f"{TOMORROW}T20:00:00{_offset()}"
    wish = {"party": 2, "starts_at": at, "name": "Camille\x00 Roux", "phone": "06 39 98 01 34"}
    async with program(site, await a_token(site)) as client:
        mine = key()
        first, again = [
            await client.post("/reservations", json=wish, headers=mine) for _ in range(2)
        ]
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert first.json() | {"name": "Camille Roux", "phone": "+33639980134"} == first.json()
        assert again.headers["idempotency-replayed"] == "true"
        other = await client.post("/reservations", json=wish | {"party": 3}, headers=mine)
        assert (other.status_code, other.headers["content-type"]) == (422, PROBLEM)

        full = await client.post("/reservations", json=wish, headers=key())
        assert (full.status_code, full.json()["rule"]) == (409, "no_table")
        assert len(full.json()["alternatives"]) > 2
        keyless = await client.post("/reservations", json=wish)
        assert (keyless.status_code, keyless.json()["fields"][0]["where"]) == (
            422,
            "header.Idempotency-Key",
        )
        path = f"/reservations/{first.json()['id']}"
        ended = await client.post(f"{path}/status", json={"status": "cancelled"}, headers=key())
        assert ended.json()["status"] == "cancelled"
        seated = await client.post(f"{path}/status", json={"status": "seated"}, headers=key())
        assert (seated.status_code, seated.json()["type"].rpartition("/")[2]) == (409, "status")
        listed = await client.get("/reservations", params={"day": str(TOMORROW), "limit": 1})
        assert [each["id"] for each in listed.json()["data"]] == [first.json()["id"]]


async def test_an_order_is_placed_once_at_the_price_that_was_shown(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
    async with program(site, await a_token(site)) as client:
        menu = {item["name"]: item for item in (await client.get("/menu")).json()["items"]}
        assert menu["Margherita"]["option_groups"][0]["min_select"] == 1
        order = {
            "lines": [{"item_id": menu["Coca-Cola 33 cl"]["id"], "quantity": 2}],
            "total_cents": 400,
            "customer_name": "Léa",
            "allergy": "soja",
        }
        changed = await client.post("/orders", json=order, headers=key())
        assert (changed.status_code, changed.json()["total_cents"]) == (409, 500)
        order["total_cents"] = 500
        mine = key()
        first, again = [await client.post("/orders", json=order, headers=mine) for _ in range(2)]
        assert (first.status_code, first.json()["id"]) == (201, again.json()["id"])
        assert first.json()["allergies"] == ["soja"]
        missing = {"lines": [{"item_id": str(of(site.restaurant, "Margherita"))}]}
        refused = await client.post("/orders", json=order | missing, headers=key())
        assert (refused.status_code, "Pâte" in refused.json()["detail"]) == (409, True)

        path = f"/orders/{first.json()['id']}/status"
        moved = [
            await client.post(path, json={"status": status}, headers=key())
            for status in ("accepted", "rejected")
        ]
        assert [answer.status_code for answer in moved] == [409, 200], "the allergy is unread"
        assert moved[-1].json()["status"] == "rejected"


async def test_the_example_accepts_what_is_new(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        await add_order(session, site.restaurant, customer="Sophie")
    async with served(site) as url:
        environment = {"ALLORESTO_URL": url, "ALLORESTO_TOKEN": await a_token(site)}
        till = await asyncio.create_subprocess_exec(
            sys.executable,
            EXAMPLE,
            env=os.environ | environment | {"PYTHONUTF8": "1"},
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await till.communicate()
    assert (till.returncode, b"accepted" in said) == (0, True)
    assert len(EXAMPLE.read_text().split('"""\n', 2)[-1].splitlines()) <= 24


async def test_a_token_opens_its_own_restaurant_as_far_as_its_scopes_go(
    site: SiteUnderTest,
) -> None:
    """1. None, a wrong one and a revoked one get one answer. 2. Another's order is none. 3. A scope
    that is lacking is named. 4. Pages by key miss nothing. 5. Too many a minute wait.
    """
    async with site.sessions.begin() as session:
        theirs = await add_order(session, site.other, customer="Le Voisin")
        for name in ("Un", "Deux", "Trois"):
            await add_order(session, site.restaurant, customer=name)
    token = await a_token(site)
    for wrong in ("", "x", f"{site.restaurant.hex}.wrong", f"{site.other.hex}.{token[33:]}"):
        async with program(site, wrong or "-") as client:
            refused = await client.get("/orders")
            assert (refused.status_code, refused.headers["content-type"]) == (401, PROBLEM)
            assert refused.headers["www-authenticate"] == "Bearer"

    async with program(site, token) as client:
        assert (await client.get(f"/orders/{theirs}")).status_code == 404
        seen: list[str] = []
        after: str | None = None
        while True:
            page = (
                await client.get(
                    "/orders", params={"limit": 2, **({"after": after} if after else {})}
                )
            ).json()
            seen += [order["id"] for order in page["data"]]
            if (after := page["next"]) is None:
                break
        assert (len(seen), str(theirs) in seen) == (len(set(seen)), False)
        assert len(seen) >= 3

    async with program(site, await a_token(site, ApiScope.MENU_READ)) as client:
        lacking = await client.get("/calls")
        assert (lacking.status_code, "calls:read" in lacking.json()["title"]) == (403, True)
        answers = [await client.get("/nowhere"), await client.put("/menu")]
        assert [answer.status_code for answer in answers] == [404, 405]
        assert {answer.headers["content-type"] for answer in answers} == {PROBLEM}


async def test_a_token_that_asks_too_often_waits(site: SiteUnderTest) -> None:
    token = await a_token(site, ApiScope.CALLS_READ)
    async with program(site, token) as client:
        told = await client.get("/calls")
        left = int(told.headers["ratelimit-remaining"])
        assert left == MOST_A_MINUTE - 1
        keys = await site.site.redis.keys("api:*")
        for each in keys:
            await site.site.redis.set(each, MOST_A_MINUTE, keepttl=True)
        late = await client.get("/calls")
        assert (late.status_code, late.json()["retry_after"]) == (
            429,
            int(late.headers["retry-after"]),
        )
        await site.site.redis.delete(*keys)


async def test_an_owner_makes_and_ends_a_programs_access(site: SiteUnderTest) -> None:
    """1. A token is shown once and opens its scopes. 2. An address behind a wall is refused with
    what was typed; a public one is added, its key shown once. 3. What it was told is sent again.
    4. Both end at a press.
    """
    owner, page = site.by("owner"), site.path("/config/api")
    made = await owner.post(f"{page}/tokens", data={"name": "Caisse", "scope": ["orders:read"]})
    token = re.findall(r"<code>([0-9a-f]{32}\.[\w-]+)</code>", made.text)[0]
    assert token not in (await owner.get(page)).text
    nameless = await owner.post(f"{page}/tokens", data={"name": "", "scope": ["orders:read"]})
    assert nameless.status_code == 422
    async with program(site, token) as client:
        codes = [(await client.get(path)).status_code for path in ("/orders", "/menu")]
        assert codes == [200, 403]

        hook = {"url": "https://10.0.0.1/x", "topic": ["order_placed"]}
        walled = await owner.post(f"{page}/webhooks", data=hook)
        assert (walled.status_code, 'value="https://10.0.0.1/x"' in walled.text) == (422, True)
        hook["url"] = "https://caisse.example/x"
        added = await owner.post(f"{page}/webhooks", data=hook)
        assert added.text.count("whsec_") == 1
        async with site.sessions.begin() as session:
            await add_order(session, site.restaurant, customer="Sophie")
            await session.execute(
                text("UPDATE webhook_delivery SET state = 'failed', settled_at = now()")
            )
        shown = (await owner.get(page)).text
        again = re.findall(rf'action="({page}/deliveries/[^"]+)"', shown)
        assert (await owner.post(again[0])).status_code == 303
        for act in ("tokens/[^/]+/revoke", "webhooks/[^/]+/remove"):
            for path in re.findall(rf'action="({page}/{act})"', shown):
                assert (await owner.post(path)).status_code == 303
        assert (await client.get("/orders")).status_code == 401
    assert "Aucun jeton" in (await owner.get(page)).text


async def test_the_document_and_its_page_are_whole(site: SiteUnderTest) -> None:
    anonymous = site.by("anonymous")
    document = (await anonymous.get(f"{API}/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    named = {part.split('"')[0] for part in json.dumps(document).split("#/components/schemas/")[1:]}
    assert named == set(document["components"]["schemas"])
    page = (await anonymous.get(f"{API}/docs")).text
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert f"{method.upper()} {path}" in page
            assert operation["description"]
            assert {"401", "403", "422", "429", "503"} <= operation["responses"].keys()
            if method == "post":
                assert "Idempotency-Key" in str(operation["parameters"])
    assert "https://" not in page.replace("https://alloresto", "")


async def test_whatever_is_sent_is_answered_without_a_server_error(site: SiteUnderTest) -> None:
    """Each operation, with requests that its schema allows, nearly allows, or does not."""
    async with site.sessions.begin() as session:
        await add_menu(session, site.restaurant)
        await add_dining_room(session, site.restaurant, name="Jardin", tables=((1, 8),) * 9)
        order = await add_order(session, site.restaurant, customer="Sophie")
    KNOWN[:] = [str(order), *(str(of(site.restaurant, name)) for name in ("Reine", "fine"))]
    document = (await site.by("anonymous").get(f"{API}/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            await _hammer(site, document, path, method, operation)


async def _hammer(
    site: SiteUnderTest, document: dict[str, Any], path: str, method: str, operation: dict[str, Any]
) -> None:
    async with program(site, await a_token(site)) as client:
        loop = asyncio.get_running_loop()

        async def send(sent: dict[str, Any]) -> None:
            url = path
            for name, value in sent["path"].items():
                url = url.replace(f"{{{name}}}", str(value))
            query = {name: value for name, value in sent["query"].items() if value is not None}
            answer = await client.request(
                method,
                url,
                params=query,
                headers=sent["headers"],
                json=sent.get("body"),
            )
            status = str(answer.status_code)
            assert answer.status_code < 500, (method, path, sent, answer.text)
            assert status in operation["responses"], (method, path, sent, answer.text)
            assert (answer.headers["content-type"] == PROBLEM) is (answer.status_code >= 400)

        @given(requests(document, operation))
        @settings(max_examples=10, database=None)
        def check(sent: dict[str, Any]) -> None:
            asyncio.run_coroutine_threadsafe(send(sent), loop).result()

        await asyncio.to_thread(check)


def _offset() -> str:
    offset = datetime.combine(TOMORROW, time(20), PARIS).strftime("%z")
    return f"{offset[:3]}:{offset[3:]}"
