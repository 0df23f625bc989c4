"""The tables of reservations come and go, and what a restaurant had before stays as it was."""

import psycopg
import pytest

from controlplane.database import async_engine, async_sessions, libpq_url
from controlplane.migrations import schema
from tests.integration.restaurants.dining_site import at, open_site

pytestmark = pytest.mark.integration

BEFORE, AFTER = "0014", "0015"


async def test_reservations_go_with_their_tables_and_the_restaurant_stays(
    empty_database_url: str,
) -> None:
    schema.upgrade(empty_database_url)
    engine = async_engine(empty_database_url, application_name="test")
    site = await open_site(async_sessions(engine))
    await site.book(at(20))
    await engine.dispose()
    schema.downgrade(empty_database_url, revision=BEFORE)
    with psycopg.connect(libpq_url(empty_database_url)) as connection:
        kept = connection.execute("SELECT id FROM restaurant").fetchall()
        extension = "SELECT FROM pg_extension WHERE extname = 'btree_gist'"
        gone = connection.execute(extension).fetchall()
    assert (kept, gone) == ([(site.restaurant_id,)], [])
    schema.upgrade(empty_database_url, revision=AFTER)
    schema.upgrade(empty_database_url)
    schema.check_models(empty_database_url)
