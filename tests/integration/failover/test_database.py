"""After a failover behind one address no connection stays with the Postgres that only reads.

Two real servers: the standby is promoted with all that was committed; the old primary lives on with
`default_transaction_read_only`, keeps its sessions, and answers every SELECT.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from time import monotonic
from typing import Final

import psycopg
import pytest
from gevent.event import Event
from sqlalchemy import Engine, text
from sqlalchemy.exc import InternalError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.controller.changes import Changes, PostgresAway
from controlplane.controller.lease import Lease
from controlplane.database import (
    async_engine,
    async_sessions,
    connect_arguments,
    libpq_url,
    sync_engine,
)
from controlplane.local.launch.postgres_pair import PostgresPair
from tests.accounts import add_account, add_carrier
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.waiting import block_until, until
from webapp.eventstream import OutboxFeed

pytestmark = pytest.mark.integration

BACK_S: Final = 5.0
POOL: Final = 4
WRITE: Final = text("CREATE TABLE written (n int)")
READ: Final = text("SELECT count(*) FROM carrier")


@pytest.fixture
def engine(postgres_pair: PostgresPair) -> Iterator[Engine]:
    engine = sync_engine(postgres_pair.url, application_name="test")
    yield engine
    engine.dispose()


@pytest.fixture
async def asyncio_engine(postgres_pair: PostgresPair) -> AsyncIterator[AsyncEngine]:
    engine = async_engine(postgres_pair.url, application_name="test")
    yield engine
    await engine.dispose()


def use_whole_pool(engine: Engine) -> None:
    for connection in [engine.connect() for _ in range(POOL)]:
        connection.close()


def assert_nobody_is_left(pair: PostgresPair, engine: Engine) -> None:
    """The pool closes what it has lost faith in when it would hand it out."""
    use_whole_pool(engine)
    block_until(lambda: pair.left_behind == 0)


def test_the_next_transaction_is_on_the_new_primary(
    postgres_pair: PostgresPair, engine: Engine
) -> None:
    """The ping before it brings the word that the old one takes no writes: none is refused."""
    use_whole_pool(engine)
    postgres_pair.fail_over()

    with engine.begin() as connection:
        connection.execute(WRITE)

    assert_nobody_is_left(postgres_pair, engine)


async def test_the_next_transaction_of_asyncio_is_on_the_new_primary(
    postgres_pair: PostgresPair, asyncio_engine: AsyncEngine
) -> None:
    await use_whole_asyncio_pool(asyncio_engine)
    postgres_pair.fail_over()

    async with asyncio_engine.begin() as connection:
        await connection.execute(WRITE)

    await use_whole_asyncio_pool(asyncio_engine)
    await until(lambda: postgres_pair.left_behind == 0)


async def use_whole_asyncio_pool(engine: AsyncEngine) -> None:
    for connection in [await engine.connect() for _ in range(POOL)]:
        await connection.close()


def test_a_transaction_that_is_refused_ends_its_pools_connections(
    postgres_pair: PostgresPair, engine: Engine
) -> None:
    """The demotion came between the ping and the write. The driver's is no OperationalError."""
    use_whole_pool(engine)
    with engine.connect() as connection:
        postgres_pair.fail_over()
        with pytest.raises(InternalError) as refused:
            connection.execute(WRITE)
    assert refused.value.connection_invalidated

    with engine.begin() as connection:
        connection.execute(WRITE)
    assert_nobody_is_left(postgres_pair, engine)


def test_who_only_reads_leaves_too(postgres_pair: PostgresPair, engine: Engine) -> None:
    """A kitchen page would show the orders of before the failover for ever."""
    use_whole_pool(engine)
    postgres_pair.fail_over()
    with engine.connect() as connection:
        connection.execute(READ)
    assert_nobody_is_left(postgres_pair, engine)


def test_a_standby_is_not_connected_to(postgres_pair: PostgresPair) -> None:
    """The address may lead to it for a while."""
    postgres_pair.proxy.route(postgres_pair.standby.port)
    engine = sync_engine(postgres_pair.url, application_name="test")
    with pytest.raises(OperationalError, match=r"read-only|hot standby"):
        engine.connect()
    with pytest.raises(psycopg.OperationalError, match=r"read-only|hot standby"):
        psycopg.connect(libpq_url(postgres_pair.url), **connect_arguments("test"))
    engine.dispose()


def test_a_leader_leads_on(postgres_pair: PostgresPair, engine: Engine) -> None:
    """Its lease came along with the data, so it is the same term."""
    lease = Lease(engine, holder="one")
    lease.renew()
    term = lease.epoch
    postgres_pair.fail_over()
    began = monotonic()

    lease.renew()

    assert lease.epoch == term
    assert monotonic() - began < BACK_S
    lease.close()


def test_the_controller_listens_to_the_new_primary(
    postgres_pair: PostgresPair, redis_url: str, engine: Engine
) -> None:
    """The old one notifies of nothing, and says nothing of it."""
    wake = Event()
    changes = Changes(postgres_pair.url, redis_url, placement_wake=wake)
    changes.turn()
    changes.turn()
    wake.clear()
    with engine.begin() as connection:
        add_carrier(connection)
    postgres_pair.fail_over()
    began = monotonic()
    with suppress(PostgresAway):
        changes.turn()
    block_until(lambda: listens(changes))
    assert wake.is_set()  # what was missed is healed
    wake.clear()
    with engine.begin() as connection:
        add_account(connection)
    changes.turn()
    assert wake.is_set()
    assert monotonic() - began < BACK_S
    changes.close()


def listens(changes: Changes) -> bool:
    try:
        changes.turn()
    except PostgresAway:
        return False
    return True


async def test_the_web_listens_to_the_new_primary(
    postgres_pair: PostgresPair, asyncio_engine: AsyncEngine
) -> None:
    """An order placed right after the failover is on the kitchen's page within seconds, and the
    next one at once.
    """
    sessions = async_sessions(asyncio_engine)
    async with sessions.begin() as session:
        restaurant_id = await add_restaurant(session)
    feed = OutboxFeed(postgres_pair.url, sessions)
    running = asyncio.create_task(feed.run())
    async with feed.subscribe(restaurant_id) as page:
        async with sessions.begin() as session:
            await add_order(session, restaurant_id)
        assert await page.batch(BACK_S)
        postgres_pair.fail_over()
        began = monotonic()
        async with sessions.begin() as session:
            await add_order(session, restaurant_id)
        assert await page.batch(BACK_S)
        await until(lambda: postgres_pair.left_behind == 0)
        assert monotonic() - began < BACK_S
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
