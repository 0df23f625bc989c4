"""A database that a test left is empty, and as it was migrated, before the next test gets it."""

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import func, select

from controlplane.database import async_engine, async_sessions
from controlplane.local.launch.services import LocalServices
from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.restaurant import Restaurant
from tests.databases import Databases
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration


@pytest.fixture
def databases(services: LocalServices, migrated_template: str) -> Iterator[Databases]:
    if services.postgres is None:
        pytest.skip("on a given server every test gets a copy of its own")
    databases = Databases(services, migrated_template)
    yield databases
    databases.close()


def name_after(databases: Databases, *statements: str) -> str:
    """A test that executes these; the name of the database it was lent."""
    with databases.lend() as url, psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        return connection.info.dbname


async def first_event(url: str) -> int:
    """The number of the first event of a restaurant that is new there, the only one."""
    engine = async_engine(url, application_name="test")
    async with async_sessions(engine).begin() as session:
        restaurant_id = await add_restaurant(session)
        event = EventOutbox(restaurant_id=restaurant_id, topic=OutboxTopic.ORDER_PLACED, payload={})
        session.add(event)
        await session.flush()
        assert await session.scalar(select(func.count()).select_from(Restaurant)) == 1
    await engine.dispose()
    return event.id


async def test_what_a_test_wrote_is_gone_and_numbers_begin_anew(databases: Databases) -> None:
    with databases.lend() as first:
        number = await first_event(first)
    with databases.lend() as second:
        assert await first_event(second) == number
    assert first == second


@pytest.mark.parametrize(
    "change",
    [
        "CREATE TABLE more (n int)",
        "ALTER TABLE restaurant DISABLE TRIGGER USER",
        "ALTER TABLE restaurant NO FORCE ROW LEVEL SECURITY",
        "DROP INDEX ix_order_personal",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "GRANT SELECT ON restaurant TO PUBLIC",
        "ALTER DATABASE {} SET timezone = 'Asia/Tokyo'",
    ],
)
def test_one_whose_catalogue_was_changed_is_nobodys(databases: Databases, change: str) -> None:
    first = name_after(databases)
    assert name_after(databases, change.format(first)) == first
    assert name_after(databases) != first


def test_a_connection_left_open_is_ended(databases: Databases) -> None:
    with databases.lend() as url:
        left = psycopg.connect(url)
        left.execute("LOCK TABLE restaurant IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")
    assert name_after(databases, "SELECT FROM restaurant") == left.info.dbname
