"""The site in this process, two restaurants, and a client for each kind of visitor.

`site` starts no server: requests go through ASGI. One database serves a whole module, so that its
tests tell apart what is theirs by their own rows.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import httpx2
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from starlette.types import ASGIApp

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_engine, async_sessions
from controlplane.models.membership import Membership, Role
from controlplane.models.platform import PlatformMember
from controlplane.models.user_account import UserAccount
from controlplane.restaurants.devices import pair_at_once
from controlplane.restaurants.user_sessions import sign_in
from controlplane.tenancy import restaurant_session
from tests.accounts import SECRET_KEYS
from tests.databases import Databases
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.kitchen_site import SECRET
from tests.waiting import DEADLINE_S, until
from webapp.app import create_app
from webapp.settings import WebSettings
from webapp.site import Site
from webapp.visitor import DEVICE_COOKIE, SESSION_COOKIE

ORIGIN: Final = "http://site.test"
PASSWORD: Final = "douze caractères au moins"
PASSWORD_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$M923Vd7hfoNayCWjnzwJsg"
    "$25h95i9gKHfJ68F7mRDNOqKgjD94ajduPokDB2Vtl7Y"
)
"""Argon2id of PASSWORD, made once: hashing it for every module costs more than its tests."""

VISITORS: Final = ("anonymous", "other", "staff", "manager", "owner", "tablet", "platform")
"""`other` owns the other restaurant; `platform` works for the platform and for no restaurant."""


@dataclass(frozen=True, slots=True)
class SiteUnderTest:
    """`restaurant` is the one that pages are asked of; `other` is the neighbour's."""

    app: FastAPI
    engine: AsyncEngine
    restaurant: UUID
    other: UUID
    users: dict[str, UUID]
    cookies: dict[str, dict[str, str]]
    clients: dict[str, httpx2.AsyncClient] = field(default_factory=dict)

    @property
    def site(self) -> Site:
        site: Site = self.app.state.site
        return site

    @property
    def sessions(self) -> async_sessionmaker[AsyncSession]:
        """The owner's of the tables, which sees everything: for seeding and looking."""
        return async_sessions(self.engine)

    def session(self, restaurant_id: UUID | None = None) -> AsyncSession:
        """A session of one restaurant, under the site's own role and walls."""
        return restaurant_session(self.site.sessions, restaurant_id or self.restaurant)

    def by(self, visitor: str) -> httpx2.AsyncClient:
        """The client of one of VISITORS."""
        return self.clients[visitor]

    def path(self, path: str = "") -> str:
        return f"/place/{self.restaurant}{path}"

    async def sign_in(self, visitor: str) -> None:
        """Make a new session for a visitor: after a test revoked theirs, or made it stale."""
        async with self.sessions.begin() as session:
            token = await sign_in(session, self.users[visitor], now=datetime.now(UTC))
        self.clients[visitor].cookies.set(SESSION_COOKIE, token)


@contextlib.asynccontextmanager
async def a_site(database_url: str, redis_url: str) -> AsyncIterator[SiteUnderTest]:
    """Seed a database and serve it."""
    app = create_app(
        WebSettings(
            database_url=database_url,
            redis_url=redis_url,
            link_secret=SecretStr(SECRET),
            public_url=ORIGIN,
            secret_keys=SECRET_KEYS,
            platform_url=database_url,
        )
    )
    engine = async_engine(database_url, application_name="test")
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        await stack.enter_async_context(app.router.lifespan_context(app))
        seeded = await _seed(app, engine)
        for number, visitor in enumerate(VISITORS, start=1):
            client = httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app, client=(f"192.0.2.{number}", 443)),
                base_url=ORIGIN,
                cookies=seeded.cookies.get(visitor),
                headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
            )
            seeded.clients[visitor] = await stack.enter_async_context(client)
        yield seeded


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(databases: Databases, services: object) -> AsyncIterator[SiteUnderTest]:
    """A module that asks for it marks itself `pytest.mark.asyncio(loop_scope="module")`."""
    redis_url: str = services.redis_url  # type: ignore[attr-defined]
    with databases.lend() as database_url, Redis.from_url(redis_url) as redis:
        redis.flushall()  # another module may have let configs be cached
        async with a_site(database_url, redis_url) as site:
            yield site


async def _seed(app: FastAPI, engine: AsyncEngine) -> SiteUnderTest:
    now = datetime.now(UTC)
    async with async_sessions(engine).begin() as session:
        restaurant = await add_restaurant(session, name="Pizzeria Bella Napoli")
        other = await add_restaurant(session, name="Le Voisin")
        users = {}
        cookies = {}
        for visitor, place, role in (
            ("other", other, Role.OWNER),
            ("staff", restaurant, Role.STAFF),
            ("manager", restaurant, Role.MANAGER),
            ("owner", restaurant, Role.OWNER),
            ("platform", None, None),
        ):
            user_id = users[visitor] = new_id()
            session.add(
                UserAccount(
                    id=user_id,
                    email=f"{visitor}@restaurant.example",
                    name=f"{visitor.capitalize()} Esposito",
                    password_hash=PASSWORD_HASH,
                )
            )
            await session.flush()
            if place is None:
                session.add(PlatformMember(user_id=user_id))
            else:
                session.add(Membership(restaurant_id=place, user_id=user_id, role=role))
            cookies[visitor] = {SESSION_COOKIE: await sign_in(session, user_id, now=now)}
        token = await pair_at_once(session, restaurant, "Four", now=now)
        cookies["tablet"] = {DEVICE_COOKIE: token}
    return SiteUnderTest(app, engine, restaurant, other, users, cookies)


@contextlib.asynccontextmanager
async def served(site: SiteUnderTest, *, app: ASGIApp | None = None) -> AsyncIterator[str]:
    """Serve the same application over HTTP on a free port, for a browser; yield its address. `app`
    is what is served in its place, such as one behind a network that fails.
    """
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app or site.app, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started or serving.done())
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            site.site.feed.close()
            server.should_exit = True
            await asyncio.wait_for(serving, DEADLINE_S)


asking: ContextVar[bool] = ContextVar("asking", default=False)


@contextlib.contextmanager
def statements(site: SiteUnderTest) -> Iterator[list[str]]:
    """Collect the SQL that the site executes for this task, and none of its own loops'."""
    executed: list[str] = []
    asking.set(True)
    engine = site.site.sessions.kw["bind"].sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if asking.get():
            executed.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield executed
    finally:
        event.remove(engine, "before_cursor_execute", note)
        asking.set(False)
