"""The real site on a free port of loopback, and a client of its event stream."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
from pydantic import SecretStr

from controlplane.payments.stripe_api import STRIPE_URL
from tests.accounts import SECRET_KEYS
from tests.waiting import DEADLINE_S, until
from webapp.kitchen.link import kitchen_key
from webapp.settings import WebSettings
from webapp.web import server_for

SECRET = "a secret of tests only"


@dataclass(frozen=True)
class TestSite:
    """Says where the site listens."""

    __test__ = False

    base_url: str
    server: Any

    def page(self, restaurant_id: UUID, *, key: str | None = None) -> str:
        key = kitchen_key(restaurant_id, secret=SECRET) if key is None else key
        return f"{self.base_url}/place/{restaurant_id}/kitchen?key={key}"

    def events(self, restaurant_id: UUID, *, after: int | None = None) -> str:
        url = self.page(restaurant_id).replace("/kitchen?", "/kitchen/events?")
        return url if after is None else f"{url}&after={after}"


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
    last_event_id: str | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncIterator[Heard]]:
        headers = {"Last-Event-ID": self.last_event_id} if self.last_event_id else {}
        timeout = httpx2.Timeout(DEADLINE_S)
        async with (
            httpx2.AsyncClient(timeout=timeout) as client,
            client.stream("GET", self.url, headers=headers) as answer,
        ):
            self.status, self.headers = answer.status_code, dict(answer.headers)
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
