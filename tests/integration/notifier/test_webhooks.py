"""A restaurant's own program is told of every order at its address, signed, again until it answers,
and never at an address behind our walls.
"""

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.database import async_sessions
from controlplane.models.event_outbox import OutboxTopic
from controlplane.models.webhook import WebhookDelivery
from controlplane.notifier.webhooks import WebhookSender
from controlplane.restaurants.webhook_queue import MOST_ATTEMPTS
from controlplane.restaurants.webhooks import TOPICS, add_endpoint, remove_endpoint, replay
from controlplane.secret_box import SecretBox
from tests.accounts import SECRET_KEYS
from tests.integration.kitchen_orders import add_order, add_restaurant

pytestmark = pytest.mark.integration

BOX = SecretBox.from_keys(SECRET_KEYS)


class Till:
    """A program that listens: it keeps what it hears and answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        self.heard.append((headers, body))
        writer.write(f"HTTP/1.1 {self.status} x\r\ncontent-length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def a_till() -> AsyncIterator[Till]:
    till = Till()
    async with await asyncio.start_server(till.serve, "127.0.0.1", 0) as server:
        till.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?a=1"
        yield till


@asynccontextmanager
async def a_sender(
    sessions: async_sessionmaker[AsyncSession], *, local: bool = True, leads_to: str = "127.0.0.1"
) -> AsyncIterator[WebhookSender]:
    async def resolve(_host: str, _port: int) -> list[str]:
        return [leads_to]

    sender = WebhookSender(sessions, secrets=BOX, local=local, resolve=resolve)
    try:
        yield sender
    finally:
        await sender.close()


async def told(sessions: async_sessionmaker[AsyncSession]) -> list[tuple[str, int, str | None]]:
    async with sessions() as session:
        rows = await session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.event_id))
        return [(row.state, row.attempts, row.last_answer) for row in rows]


async def due(sessions: async_sessionmaker[AsyncSession]) -> None:
    async with sessions.begin() as session:
        await session.execute(update(WebhookDelivery).values(next_attempt_at=datetime.now(UTC)))


async def test_an_order_is_told_signed_and_again_until_it_is_heard(database: AsyncEngine) -> None:
    """1. What a restaurant commits is told at its address, and its neighbour's is not. 2. An answer
    that is no success is tried again, with the same id. 3. After `MOST_ATTEMPTS` it is given up,
    and goes out again when the restaurant asks. 4. An address that is removed hears nothing more.
    """
    sessions = async_sessions(database)
    async with a_till() as till, a_sender(sessions) as sender:
        async with sessions.begin() as session:
            place, other = [await add_restaurant(session) for _ in range(2)]
            secret = await add_endpoint(
                session, BOX, place, till.url, [OutboxTopic.ORDER_PLACED], local=True, actor="x"
            )
        async with sessions.begin() as session:
            order = await add_order(session, place, customer="Sophie")
            await add_order(session, other, customer="Le Voisin")
        till.status = 500
        assert await sender.turn() is False
        till.status = 204
        await due(sessions)
        await sender.turn()
        await due(sessions)
        await sender.turn()
        assert await told(sessions) == [("delivered", 2, "204")]
        (headers, body), (again, _) = till.heard
        assert headers["webhook-id"] == again["webhook-id"]
        assert headers["host"] in till.url
        assert _signature(secret, headers, body) == headers["webhook-signature"]
        assert json.loads(body)["data"] == {"restaurant_id": str(place), "order_id": str(order)}
        assert "Sophie" not in body.decode()

        till.status = 302
        async with sessions.begin() as session:
            delivery = (await session.scalars(select(WebhookDelivery.id))).one()
            await replay(session, place, delivery, datetime.now(UTC), actor="x")
        for _ in range(MOST_ATTEMPTS + 1):
            await due(sessions)
            await sender.turn()
        assert await told(sessions) == [("failed", MOST_ATTEMPTS, "302")]
        assert len(till.heard) == 2 + MOST_ATTEMPTS

        async with sessions.begin() as session:
            endpoint = (await session.scalars(select(WebhookDelivery.endpoint_id))).one()
            await remove_endpoint(session, place, endpoint, datetime.now(UTC), actor="x")
            await add_order(session, place, customer="Léa")
        assert len(await told(sessions)) == 1


@pytest.mark.parametrize(
    "leads_to", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "::ffff:127.0.0.1"]
)
async def test_a_name_that_leads_behind_our_walls_is_not_asked(
    database: AsyncEngine, leads_to: str
) -> None:
    sessions = async_sessions(database)
    async with a_till() as till, a_sender(sessions, local=False, leads_to=leads_to) as sender:
        port = till.url.split(":")[2].split("/")[0]
        async with sessions.begin() as session:
            place = await add_restaurant(session)
            url = f"https://caisse.example:{port}/"
            await add_endpoint(session, BOX, place, url, TOPICS, local=False, actor="x")
            await add_order(session, place, customer="Sophie")
        await sender.turn()
        assert await told(sessions) == [("pending", 1, "forbidden")]
        assert till.heard == []


async def test_the_site_writes_deliveries_for_its_own_restaurant_alone(
    database: AsyncEngine,
) -> None:
    """The trigger acts with its owner's rights: it looks at no other restaurant's addresses."""
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        place, other = [await add_restaurant(session) for _ in range(2)]
        for each in (place, other):
            url = "https://caisse.example/"
            await add_endpoint(session, BOX, each, url, TOPICS, local=False, actor="x")
    async with sessions.begin() as session:
        await session.execute(text("SET LOCAL ROLE alloresto_web"))
        named = text("SELECT set_config('app.restaurant_id', :id, true)")
        await session.execute(named, {"id": str(place)})
        await session.execute(
            text(
                "INSERT INTO event_outbox (restaurant_id, topic, payload)"
                " VALUES (:id, 'order_placed', '{}')"
            ),
            {"id": str(place)},
        )
    async with sessions() as session:
        owners: set[UUID] = set(await session.scalars(select(WebhookDelivery.restaurant_id)))
    assert owners == {place}


def _signature(secret: str, headers: dict[str, str], body: bytes) -> str:
    """What Standard Webhooks says a receiver works out."""
    key = b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return f"v1,{b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
