"""The real site on a free port of loopback, and a client of its event stream."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.payments.stripe_api import STRIPE_URL
from controlplane.restaurants.devices import pair_at_once
from tests.accounts import SECRET_KEYS
from tests.waiting import DEADLINE_S, until
from webapp.settings import WebSettings
from webapp.visitor import DEVICE_COOKIE
from webapp.web import server_for

SECRET = "a secret of tests only"
TOPICS = "ticket,voice,sums,kitchen"
"""What the kitchen's page asks for."""


@dataclass(frozen=True)
class TestSite:
    """Says where the site listens."""

    __test__ = False

    base_url: str
    server: Any

    async def tablet(
        self, sessions: async_sessionmaker[AsyncSession], restaurant_id: UUID
    ) -> "Tablet":
        """Pair a tablet with the restaurant; `sessions` are the owner's of the tables."""
        async with sessions.begin() as session:
            now = datetime.now(UTC)
            token = await pair_at_once(session, restaurant_id, "Four", now=now)
        return Tablet(f"{self.base_url}/place/{restaurant_id}", token)


@dataclass(frozen=True)
class Tablet:
    """A kitchen's tablet, as its browser asks."""

    place: str
    """The restaurant's pages begin with it."""
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {
            "cookie": f"{DEVICE_COOKIE}={self.token}",
            "sec-fetch-site": "same-origin",
            "accept": "text/html",
        }

    @property
    def page(self) -> str:
        return f"{self.place}/kitchen"

    def http(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(timeout=DEADLINE_S, headers=self.headers)

    async def get(self, path: str = "/kitchen") -> httpx2.Response:
        async with self.http() as client:
            return await client.get(self.place + path)

    async def press(self, path: str, **form: str) -> httpx2.Response:
        """Send what a button of the page sends."""
        async with self.http() as client:
            return await client.post(f"{self.page}/{path}", data=form)

    def events(self, *, after: str | int | None = None, topics: str = TOPICS) -> "EventClient":
        url = f"{self.place}/events?topics={topics}"
        return EventClient(url if after is None else f"{url}&after={after}", headers=self.headers)


@contextlib.asynccontextmanager
async def running_site(
    database_url: str,
    redis_url: str = "redis://unused",
    *,
    feed_url: str | None = None,
    stripe_url: str = STRIPE_URL,
) -> AsyncIterator[TestSite]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = server_for(
            WebSettings(
                database_url=database_url,
                feed_url=feed_url,
                redis_url=redis_url,
                link_secret=SecretStr(SECRET),
                public_url=f"http://127.0.0.1:{port}",
                secret_keys=SECRET_KEYS,
                stripe_url=stripe_url,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started or serving.done())
        assert not serving.done(), "the site did not start"
        try:
            yield TestSite(f"http://127.0.0.1:{port}", server)
        finally:
            server.handle_exit(0, None)
            await asyncio.wait_for(serving, DEADLINE_S)


@dataclass
class Heard:
    """A server-sent event."""

    event: str = "message"
    id: str | None = None
    data: Any = None


@dataclass
class EventClient:
    """Reads as a browser's EventSource does (HTML standard §9.2), without its own reconnecting."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    """What it sends."""
    last_event_id: str | None = None
    status: int = 0
    answered: dict[str, str] = field(default_factory=dict)
    """The answer's headers."""

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Heard]]:
        resumed = {"Last-Event-ID": self.last_event_id} if self.last_event_id else {}
        timeout = httpx2.Timeout(DEADLINE_S)
        async with (
            httpx2.AsyncClient(timeout=timeout) as client,
            client.stream("GET", self.url, headers=self.headers | resumed) as answer,
        ):
            self.status, self.answered = answer.status_code, dict(answer.headers)
            events = self._events(answer.aiter_lines())
            yield events
            await events.aclose()  # type: ignore[attr-defined]  # an async generator

    async def _events(self, lines: AsyncIterator[str]) -> AsyncIterator[Heard]:
        heard = Heard()
        text: list[str] = []
        async for line in lines:
            name, _, value = line.partition(": ")
            if line == "":
                self.last_event_id = heard.id or self.last_event_id
                if text:
                    heard.data = json.loads("\n".join(text))
                    yield heard
                heard, text = Heard(), []
            elif name == "event":
                heard.event = value
            elif name == "id":
                heard.id = value
            elif name == "data":
                text.append(value)


async def next_ticket(events: AsyncIterator[Heard]) -> Heard:
    """Return the next ticket; other events are passed over."""
    async with asyncio.timeout(DEADLINE_S):
        async for heard in events:
            if heard.event == "ticket":
                return heard
    raise AssertionError("the stream ended")


async def next_event(events: AsyncIterator[Heard]) -> Heard:
    async with asyncio.timeout(DEADLINE_S):
        return await anext(events)
