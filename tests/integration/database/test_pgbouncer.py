"""Behind PgBouncer in transaction mode, where one server connection serves everybody in turn, each
session still sees its own restaurant; notifications come by a connection of their own.

The tests run where the program is found, as Debian's `pgbouncer` brings it.
"""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import func, make_url, select
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.local.launch.ports import LOOPBACK, free_tcp_port
from controlplane.local.launch.process import ManagedProcess
from controlplane.local.launch.unprivileged import own_folder, service_user
from controlplane.models.order import Order, OrderStatus
from controlplane.tenancy import restaurant_session
from tests.integration.database.login_users import LoginUser, login_user
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.kitchen_site import next_ticket, running_site
from webapp.eventstream import HEAL_S

PGBOUNCER: Final = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/local/bin")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(PGBOUNCER is None, reason="no pgbouncer here (Debian: pgbouncer)"),
]

START_S: Final = 10.0
"""It is there in 50 ms as a rule."""
SERVER_CONNECTIONS: Final = 2
SESSIONS: Final = 40

CONFIGURATION: Final = """
[databases]
{database} = host={host} port={port}
[pgbouncer]
listen_addr = {loopback}
listen_port = {listen}
unix_socket_dir =
pool_mode = transaction
default_pool_size = {pool}
auth_type = scram-sha-256
auth_file = {users}
ignore_startup_parameters = options, extra_float_digits
"""


@dataclass(frozen=True)
class Pooled:
    """The site's user reaches Postgres through PgBouncer, its feed's user past it."""

    site_url: str
    feed_url: str


@pytest.fixture
async def pooled(database_url: str, database: AsyncEngine) -> AsyncIterator[Pooled]:
    async with (
        login_user(database, DatabaseRole.WEB) as site,
        login_user(database, DatabaseRole.OUTBOX) as feed,
    ):
        port = free_tcp_port()
        site_url = site.url(database_url, port=port)
        with pgbouncer(database_url, port=port, user=site) as process:
            process.wait_for(lambda: answers(site_url), deadline=START_S)
            yield Pooled(site_url, feed.url(database_url))


@contextmanager
def pgbouncer(database_url: str, *, port: int, user: LoginUser) -> Iterator[ManagedProcess]:
    """Run one on loopback. It refuses to be root, and reads its users' passwords from a file."""
    assert PGBOUNCER is not None
    url = make_url(libpq_url(database_url))
    with TemporaryDirectory() as parent:
        Path(parent).chmod(0o711)
        runs_as = service_user(Path(parent))
        folder = own_folder(Path(parent) / "pgbouncer", runs_as)
        texts = {
            "users.txt": f'"{user.name}" "{user.password}"\n',
            "pgbouncer.ini": CONFIGURATION.format(
                database=url.database,
                host=url.host,
                port=url.port,
                loopback=LOOPBACK,
                listen=port,
                pool=SERVER_CONNECTIONS,
                users=folder / "users.txt",
            ),
        }
        for name, content in texts.items():
            (folder / name).write_text(content, encoding="utf-8")
            (folder / name).chmod(0o644)
        argv: list[str | Path] = [PGBOUNCER, folder / "pgbouncer.ini"]
        log_file = Path(parent) / "pgbouncer.log"
        with ManagedProcess(argv, name="pgbouncer", user=runs_as, log_file=log_file) as process:
            yield process


def answers(url: str) -> bool | None:
    try:
        psycopg.connect(url, connect_timeout=1).close()
    except psycopg.OperationalError:
        return None
    return True


async def test_another_tenant_sees_nothing(pooled: Pooled, database: AsyncEngine) -> None:
    """1 Forty sessions at once, of three restaurants and of none, share two server connections.
    2 Each finds its own orders, in each of its transactions; a session of none finds nothing.
    """
    owner = async_sessions(database)
    orders: dict[UUID | None, list[UUID]] = {None: []}
    async with owner.begin() as session:
        for _ in range(3):
            restaurant_id = await add_restaurant(session)
            orders[restaurant_id] = [await add_order(session, restaurant_id)]
    engine = async_engine(pooled.site_url, application_name="test", pool_size=SESSIONS)
    site = async_sessions(engine)
    backends: set[int] = set()

    async def look(restaurant_id: UUID | None) -> None:
        session = restaurant_session(site, restaurant_id) if restaurant_id else site()
        async with session:
            for _ in range(3):
                found = list((await session.scalars(select(Order.id))).all())
                assert found == orders[restaurant_id]
                backends.add((await session.scalars(select(func.pg_backend_pid()))).one())
                await session.commit()

    async with asyncio.TaskGroup() as group:
        for _, asked in zip(range(SESSIONS), cycle(orders), strict=False):
            group.create_task(look(asked))
    await engine.dispose()
    assert 0 < len(backends) <= SERVER_CONNECTIONS


async def test_the_site_shows_orders_and_is_told_of_new_ones(
    pooled: Pooled, database: AsyncEngine
) -> None:
    """1 The site reads through PgBouncer, its feed past it. 2 A page is open. 3 An order comes to
    it at once, and not with the next look that heals a lost notification. 4 Its button works.
    """
    owner = async_sessions(database)
    async with owner.begin() as session:
        restaurant_id = await add_restaurant(session)
    async with contextlib.AsyncExitStack() as opened:
        site = await opened.enter_async_context(
            running_site(pooled.site_url, feed_url=pooled.feed_url)
        )
        tablet = await site.tablet(owner, restaurant_id)
        events = await opened.enter_async_context(tablet.events(after=0).open())
        for patience_s in (START_S, HEAL_S / 2):
            async with owner.begin() as session:
                order_id = await add_order(session, restaurant_id)
            async with asyncio.timeout(patience_s):
                ticket = await next_ticket(events)
            assert ticket.data["order"] == str(order_id)
        pressed = await tablet.press(f"orders/{order_id}/accepted")
        assert pressed.status_code == HTTPStatus.SEE_OTHER
        assert (await next_ticket(events)).data["status"] == OrderStatus.ACCEPTED
