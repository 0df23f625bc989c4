"""A customer pays by their link at what stands in for Stripe, and the kitchen sees it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest
import uvicorn

from controlplane.contracts.receipt_link import PATH, PAY_PATH, ReceiptKey, ReceiptOf, sign_receipt
from controlplane.database import async_engine, async_sessions
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.local.stripe.stand_in import Endpoint, StandIn, create_app
from controlplane.restaurants.place_order import Sessions
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.kitchen_site import SECRET, Tablet, TestSite, running_site
from tests.integration.payment_orders import (
    API_KEY,
    WEBHOOK_SECRET,
    open_for_payment,
    order_with_link,
    rows,
)
from tests.integration.restaurants.conftest import seeded
from tests.waiting import DEADLINE_S, until

__all__ = ["seeded"]

pytestmark = pytest.mark.integration

MINE = DEMO_RESTAURANT_ID
TOMORROW = datetime.now(UTC) + timedelta(days=1)
"""All links to an order are one, as in the messages its customer gets."""


@dataclass
class Shop:
    """The site, the stand-in, and a customer's browser that follows no redirect."""

    url: str
    database_url: str
    sessions: Sessions
    site: TestSite
    tablet: Tablet
    stripe: StandIn
    browser: httpx2.AsyncClient

    def link(self, order_id: UUID, restaurant_id: UUID = MINE, *, secret: str = SECRET) -> str:
        key = sign_receipt(
            ReceiptKey(ReceiptOf.ORDER, restaurant_id, order_id),
            expires_at=TOMORROW,
            secret=secret,
        )
        return f"{self.site.base_url}/payer/{key}"

    async def told(self, body: bytes, signature: str, restaurant_id: UUID = MINE) -> int:
        answer = await self.browser.post(
            f"{self.site.base_url}/place/{restaurant_id}/payments/stripe",
            content=body,
            headers={"Stripe-Signature": signature},
        )
        return answer.status_code

    async def ticket(self) -> str:
        return (await self.tablet.get()).text


@pytest.fixture
async def shop(seeded: str) -> AsyncIterator[Shop]:
    async with contextlib.AsyncExitStack() as undo:
        engine = async_engine(seeded, application_name="test")
        undo.push_async_callback(engine.dispose)
        sessions = async_sessions(engine)
        await open_for_payment(sessions)
        stripe = await undo.enter_async_context(stand_in())
        site = await undo.enter_async_context(running_site(seeded, stripe_url=stripe.url))
        browser = await undo.enter_async_context(httpx2.AsyncClient(timeout=DEADLINE_S))
        tablet = await site.tablet(sessions, MINE)
        yield Shop(site.base_url, seeded, sessions, site, tablet, stripe, browser)


@contextlib.asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    """It keeps its events: the test delivers them, in its own order."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        stripe = StandIn(url, {API_KEY: Endpoint("", WEBHOOK_SECRET)})
        server = uvicorn.Server(uvicorn.Config(create_app(stripe), log_config=None))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started or serving.done())
        yield stripe
        server.should_exit = True
        await asyncio.wait_for(serving, DEADLINE_S)


async def test_another_tenant_sees_nothing_and_is_told_nothing(shop: Shop) -> None:
    order_id, _ = await order_with_link(shop.sessions)
    async with shop.sessions.begin() as session:
        theirs = await add_restaurant(session)
    for url in (
        shop.link(order_id, theirs),
        shop.link(order_id, secret="another secret of tests"),
        shop.link(order_id)[:-1] + "A",
        f"{shop.site.base_url}/payer/{'a' * 71}",
    ):
        for page in (url, f"{url}/suite"):
            assert (await shop.browser.get(page)).status_code == 404
    await shop.browser.get(shop.link(order_id))
    shop.stripe.pay(*shop.stripe.sessions)
    body, signature = shop.stripe.events[0]
    assert await shop.told(body, signature, theirs) == 404
    assert rows(shop.database_url, "SELECT FROM payment_movement") == []


async def test_a_customer_pays_and_the_kitchen_sees_it(shop: Shop) -> None:
    """1. The link leads to Stripe's page; however often, to the same one. 2. The customer pays. 3.
    The event comes twice, and with a wrong signature. 4. Page and ticket say so. 5. Refunds do.
    """
    order_id, link = await order_with_link(shop.sessions)
    assert "Paiement en ligne possible jusqu’à" in await shop.ticket()
    receipt = shop.link(order_id).replace(PAY_PATH, PATH)
    payable = (await shop.browser.get(receipt)).text
    assert f'href="{shop.link(order_id).removeprefix(shop.url)}"' in payable
    assert "Payer en ligne (24,50\u00a0€)" in payable
    answers = await asyncio.gather(*(shop.browser.get(shop.link(order_id)) for _ in range(4)))
    (session_id,) = shop.stripe.sessions
    assert {(answer.status_code, answer.headers["location"]) for answer in answers} == {
        (303, f"{shop.stripe.url}/c/pay/{session_id}")
    }
    assert shop.stripe.sessions[session_id]["amount_total"] == link.amount_cents == 2_450
    lost = "UPDATE payment_link SET session_id = NULL, session_url = NULL"
    rows(shop.database_url, lost)  # as a site leaves it that died before it had written it down
    again = await shop.browser.get(shop.link(order_id))
    assert (again.headers["location"], len(shop.stripe.sessions)) == (
        answers[0].headers["location"],
        1,
    )
    paid = await shop.browser.post(answers[0].headers["location"])
    back = await shop.browser.get(paid.headers["location"])
    assert "pas encore confirmé" in back.text
    (body, signature), *_ = shop.stripe.events
    assert await shop.told(body, signature.replace("v1=", "v1=0")) == 400
    assert await shop.told(body + b" ", signature) == 400
    assert await shop.told(b"x" * 300_000, signature) == 413
    assert [await shop.told(body, signature) for _ in range(2)] == [200, 200]
    assert "24,50\u00a0€ est bien arrivé" in (await shop.browser.get(shop.link(order_id))).text
    assert "Payée en ligne\u00a0: 24,50\u00a0€" in await shop.ticket()
    assert "Payée en ligne" in (await shop.browser.get(receipt)).text
    shop.stripe.refund(session_id, 2_450)
    assert await shop.told(*shop.stripe.events[-1]) == 200
    assert "À payer sur place\u00a0: 24,50\u00a0€" in await shop.ticket()
    assert rows(
        shop.database_url, "SELECT kind, amount_cents FROM payment_movement ORDER BY at"
    ) == [("received", 2_450), ("refunded", 2_450)]


async def test_a_required_payment_that_is_late_is_the_restaurants_to_decide(shop: Shop) -> None:
    """1. A customer opens the link of an order that must be paid, and does not pay. 2. Its time is
    over: link and session are closed, the ticket says so and lets the order be refused. 3. The link
    leads nowhere any more. 4. Refused, and money that came all the same is seen, days later too.
    """
    order_id, _ = await order_with_link(shop.sessions)
    await shop.browser.get(shop.link(order_id))
    (session_id,) = shop.stripe.sessions
    rows(
        shop.database_url,
        "UPDATE payment_link SET required = true, created_at = now() - interval '1 hour',"
        " expires_at = now()",
    )
    ticket = await shop.ticket()
    assert "Non payée à temps\u00a0: à accepter (24,50\u00a0€ à payer sur place)" in ticket
    assert f'/orders/{order_id}/rejected"' in ticket
    assert "Le délai est passé" in (await shop.browser.get(shop.link(order_id))).text
    await until(lambda: shop.stripe.sessions[session_id]["status"] == "expired")
    await until(
        lambda: (
            rows(
                shop.database_url,
                "SELECT status FROM payment_link WHERE session_closed_at IS NOT NULL",
            )
            == [("expired",)]
        )
    )
    assert (await shop.tablet.press(f"orders/{order_id}/rejected")).status_code == 303
    shop.stripe.sessions[session_id]["status"] = "open"
    shop.stripe.pay(session_id)
    rows(shop.database_url, 'UPDATE "order" SET service_date = service_date - 3')
    assert str(order_id) not in await shop.ticket()
    assert await shop.told(*shop.stripe.events[-1]) == 200
    assert "À rembourser au client\u00a0: 24,50\u00a0€" in await shop.ticket()


async def test_a_stripe_that_is_away_or_refuses_takes_nothing_down(shop: Shop) -> None:
    order_id, _ = await order_with_link(shop.sessions)
    shop.stripe.accounts.clear()
    refused = await shop.browser.get(shop.link(order_id))
    assert (refused.status_code, "Vous la paierez en la recevant" in refused.text) == (200, True)
    async with running_site(shop.database_url, stripe_url="http://127.0.0.1:1") as cut_off:
        away = await shop.browser.get(shop.link(order_id).replace(shop.url, cut_off.base_url))
    assert (away.status_code, away.text) == (
        503,
        "Le paiement en ligne est momentanément indisponible.",
    )
    assert rows(shop.database_url, "SELECT status, session_id FROM payment_link") == [
        ("sent", None)
    ]
