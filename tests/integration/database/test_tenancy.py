"""A process that acts under its role sees and writes what is its restaurant's, whatever its code
forgets: one session, one restaurant; no restaurant named, no rows.

Tests make their rows as the tables' owner, and look as the site and the worker.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID, Hours, seed_demo
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.order import Order, OrderEvent, OrderLine
from controlplane.models.restaurant import Restaurant
from controlplane.models.voice_message import VoiceMessage
from controlplane.restaurants.config_cache import read_restaurant_config
from controlplane.restaurants.place_order import orders_of_call, place_order, settle_order
from controlplane.tenancy import restaurant_session
from tests.accounts import SECRETS
from tests.integration.database.login_users import login_user
from tests.integration.kitchen_orders import add_order, add_restaurant
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

Sessions = async_sessionmaker[AsyncSession]


@dataclass(frozen=True)
class Neighbours:
    """Two restaurants, each with one order."""

    ours: UUID
    our_order: UUID
    theirs: UUID
    their_order: UUID


@pytest.fixture
async def neighbours(database: AsyncEngine) -> Neighbours:
    async with async_sessions(database).begin() as session:
        ours, theirs = await add_restaurant(session), await add_restaurant(session)
        our_order, their_order = await add_order(session, ours), await add_order(session, theirs)
    return Neighbours(ours, our_order, theirs, their_order)


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Sessions]:
    """The site's sessions, which share one connection."""
    async for sessions in sessions_of(database_url, DatabaseRole.WEB):
        yield sessions


@pytest.fixture
async def worker(database_url: str) -> AsyncIterator[Sessions]:
    async for sessions in sessions_of(database_url, DatabaseRole.WORKER):
        yield sessions


async def sessions_of(database_url: str, role: DatabaseRole) -> AsyncIterator[Sessions]:
    engine = async_engine(database_url, application_name="test", role=role, pool_size=1)
    yield async_sessions(engine)
    await engine.dispose()


async def test_another_tenant_sees_nothing(site: Sessions, neighbours: Neighbours) -> None:
    """Nor does a query without its WHERE: it finds the session's own rows."""
    async with restaurant_session(site, neighbours.ours) as session:
        assert (await session.scalars(select(Order.id))).all() == [neighbours.our_order]
        assert (await session.scalars(select(Restaurant.id))).all() == [neighbours.ours]
        assert await session.get(Order, neighbours.their_order) is None
        assert await session.scalar(select(func.count()).select_from(OrderLine)) == 1
    async with restaurant_session(site, new_id()) as session:
        for model in (Order, OrderLine, OrderEvent, EventOutbox, VoiceMessage, Restaurant):
            assert await session.scalar(select(func.count()).select_from(model)) == 0


async def test_without_a_restaurant_there_are_no_rows(
    site: Sessions, neighbours: Neighbours
) -> None:
    """Neither on a fresh connection nor on one that has just served a restaurant."""
    backends = set()
    for restaurant_id in (None, neighbours.ours, None):
        session = restaurant_session(site, restaurant_id) if restaurant_id else site()
        async with session:
            found = (await session.scalars(select(Order.id))).all()
            backends.add(await session.scalar(select(func.pg_backend_pid())))
            await session.commit()  # a rollback would undo what a session set
        assert found == ([neighbours.our_order] if restaurant_id else [])
    assert len(backends) == 1, "the pool handed out another connection"


async def test_a_session_stays_with_its_restaurant_after_a_commit_and_a_rollback(
    site: Sessions, neighbours: Neighbours
) -> None:
    async with restaurant_session(site, neighbours.ours) as session:
        for end in (session.commit, session.rollback, session.commit):
            assert (await session.scalars(select(Order.id))).all() == [neighbours.our_order]
            await end()
        async with session.begin_nested():
            assert (await session.scalars(select(Order.id))).all() == [neighbours.our_order]


async def test_another_tenants_row_cannot_be_written(
    worker: Sessions, neighbours: Neighbours
) -> None:
    """It is neither added nor given away, and what is changed or locked is one's own."""
    async with restaurant_session(worker, neighbours.ours) as session:
        session.add(EventOutbox(restaurant_id=neighbours.theirs, topic="t", payload={}))
        with pytest.raises(ProgrammingError, match="row-level security"):
            await session.flush()
    async with restaurant_session(worker, neighbours.ours) as session:
        with pytest.raises(ProgrammingError, match="row-level security"):
            await session.execute(update(Order).values(restaurant_id=neighbours.theirs))
    async with restaurant_session(worker, neighbours.ours) as session, session.begin():
        changed = await session.execute(update(Order).values(note="ours").returning(Order.id))
        assert changed.scalars().all() == [neighbours.our_order]
    async with restaurant_session(worker, neighbours.theirs) as session:
        assert (await session.scalars(select(Order.note))).all() == [""]


async def test_what_a_role_may_not_do_is_refused(site: Sessions, neighbours: Neighbours) -> None:
    for statement in (
        delete(Order),
        text("SELECT password_encrypted FROM sip_registration"),
        text("ALTER TABLE restaurant DISABLE ROW LEVEL SECURITY"),
    ):
        async with restaurant_session(site, neighbours.ours) as session:
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                await session.execute(statement)


async def test_a_key_that_is_taken_elsewhere_is_free_here(
    worker: Sessions, neighbours: Neighbours
) -> None:
    """Keys are of one restaurant: whether another has the same number or key cannot be told."""
    async with restaurant_session(worker, neighbours.theirs) as session:
        order = await session.get_one(Order, neighbours.their_order)
        key, number, day = order.idempotency_key, order.number, order.service_date
    async with restaurant_session(worker, neighbours.ours) as session, session.begin():
        mine = await session.get_one(Order, neighbours.our_order)
        assert (mine.number, mine.service_date) == (number, day)
        mine.idempotency_key = key


async def test_whether_another_tenants_order_exists_cannot_be_told(
    worker: Sessions, neighbours: Neighbours
) -> None:
    """A line on it is refused in the words of a line on an order that never was."""
    told = []
    for order_id in (neighbours.their_order, new_id()):
        async with restaurant_session(worker, neighbours.ours) as session:
            session.add(line(neighbours.ours, order_id))
            with pytest.raises(IntegrityError) as refused:
                await session.flush()
            told.append(str(refused.value.orig).replace(str(order_id), "…"))
    assert told[0] == told[1]


def line(restaurant_id: UUID, order_id: UUID) -> OrderLine:
    return OrderLine(
        restaurant_id=restaurant_id,
        order_id=order_id,
        position=1,
        menu_item_id=new_id(),
        name="Margherita",
        quantity=1,
        unit_price_cents=950,
        vat_rate_bp=1_000,
        total_cents=950,
    )


async def test_a_worker_reads_the_menu_and_places_an_order_under_its_role(
    database_url: str, worker: Sessions, neighbours: Neighbours
) -> None:
    """The outbox's trigger numbers its row from a sequence that the worker knows nothing of."""
    seed_demo(
        database_url,
        registrar="127.0.0.1:5070",
        username="bella",
        password="a password",
        secrets=SECRETS,
        hours=Hours.AROUND_THE_CLOCK,
    )
    config, _ = await read_restaurant_config(worker, DEMO_RESTAURANT_ID)
    assert config.menu
    wanted = draft()
    assert wanted.call_id
    placed = await place_order(worker, wanted)
    assert await settle_order(worker, wanted) == placed
    zone = config.timezone
    found = await orders_of_call(worker, DEMO_RESTAURANT_ID, wanted.call_id, timezone=zone)
    elsewhere = await orders_of_call(worker, neighbours.ours, wanted.call_id, timezone=zone)
    assert (found, elsewhere) == ([placed], [])


@pytest.mark.parametrize("role", [None, DatabaseRole.WEB])
async def test_a_login_user_of_the_site_is_the_site_and_cannot_be_more(
    database_url: str, database: AsyncEngine, neighbours: Neighbours, role: DatabaseRole | None
) -> None:
    """It may name its role, and need not: PgBouncer passes no options on."""
    async with login_user(database, DatabaseRole.WEB) as user:
        engine = async_engine(
            user.url(database_url), application_name="test", role=role, pool_size=1
        )
        await is_the_site_and_no_more(async_sessions(engine), neighbours)
        await engine.dispose()


async def is_the_site_and_no_more(site: Sessions, neighbours: Neighbours) -> None:
    async with restaurant_session(site, neighbours.ours) as session:
        assert (await session.scalars(select(Order.id))).all() == [neighbours.our_order]
    async with site() as session:
        assert (await session.scalars(select(Order.id))).all() == []
    for more in (DatabaseRole.CONTROLLER, "alloresto", "postgres"):
        async with site() as session:
            with pytest.raises(ProgrammingError, match="permission denied to set role"):
                await session.execute(text(f"SET ROLE {more}"))
