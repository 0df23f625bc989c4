"""The benchmark of row-level security compares one list with itself, and leaves the walls up."""

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_sessions, libpq_url
from controlplane.local.bench import rls_overhead
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration


async def test_the_list_is_read_both_ways_and_the_walls_stand_afterwards(
    database_url: str, database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rls_overhead, "PAIRS", 3)
    monkeypatch.setattr(rls_overhead, "WARM_UP", 1)
    async with async_sessions(database).begin() as session:
        restaurants = [await add_restaurant(session) for _ in range(3)]
    percent = await rls_overhead.rls_overhead_percent(database_url, restaurants)
    assert percent > -100
    with psycopg.connect(libpq_url(database_url)) as connection:
        forced = connection.execute(
            "SELECT relname FROM pg_class WHERE relforcerowsecurity"
            " AND relname IN ('order', 'order_line') ORDER BY 1"
        ).fetchall()
    assert forced == [("order",), ("order_line",)]
