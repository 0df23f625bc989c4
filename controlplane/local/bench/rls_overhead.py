"""What row-level security costs on the kitchen's list of orders: the same list with and without.

With it the site reads as `DatabaseRole.WEB` through a restaurant's session, its extra round trip
included; without it as the tables' owner, whom it does not bind while it is not forced.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from statistics import median
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.tenancy import restaurant_session
from webapp.kitchen.queries import Kitchen, tickets_of_today

ORDERS: Final = 120
"""A pizzeria's Friday; one in four is still to make."""
NEIGHBOURS_ORDERS: Final = 10
PAIRS: Final = 150
"""Each pair reads the list both ways, so that what else the machine does meets both."""
WARM_UP: Final = 10

_ORDERS: Final = text(
    'INSERT INTO "order" (id, restaurant_id, service_date, number, idempotency_key, status, note,'
    " total_cents, ready_at) SELECT gen_random_uuid(), r, :today, n, 'bench:' || n,"
    " CASE n % 4 WHEN 0 THEN 'placed' ELSE 'completed' END, '', 2850, now() + n * interval '1 min'"
    " FROM unnest(:restaurants) AS r, generate_series(1, :orders) AS n"
).bindparams(bindparam("restaurants", type_=ARRAY(Uuid())))
_LINES: Final = text(
    "INSERT INTO order_line (id, restaurant_id, order_id, position, menu_item_id, name, quantity,"
    " options, unit_price_cents, vat_rate_bp, total_cents) SELECT gen_random_uuid(),"
    " restaurant_id, id, n, gen_random_uuid(), 'Margherita', 1, '[]', 950, 1000, 950"
    ' FROM "order", generate_series(1, 3) AS n'
)
_TABLES: Final = ('"order"', "order_line")


async def rls_overhead_percent(database_url: str, restaurant_ids: Sequence[UUID]) -> float:
    """Return by how many per cent the list's median takes longer with row-level security.

    `database_url` is the tables' owner's; the restaurants have no orders yet, and get some. The
    first one's list is read.
    """
    owner = async_engine(database_url, application_name="bench", pool_size=1)
    web = async_engine(database_url, application_name="bench", role=DatabaseRole.WEB, pool_size=1)
    kitchen = Kitchen(restaurant_ids[0], "Restaurant", ZoneInfo("Europe/Paris"))
    try:
        await _seed(owner, kitchen, restaurant_ids[1:])
        async with _not_forced(owner):
            return await _compare(owner, web, kitchen)
    finally:
        await owner.dispose()
        await web.dispose()


async def _compare(owner: AsyncEngine, web: AsyncEngine, kitchen: Kitchen) -> float:
    walled, bare = async_sessions(web), async_sessions(owner)
    with_s: list[float] = []
    without_s: list[float] = []
    for _ in range(WARM_UP + PAIRS):
        with_s.append(await _seconds(restaurant_session(walled, kitchen.restaurant_id), kitchen))
        without_s.append(await _seconds(bare(), kitchen))
    ratio = median(with_s[WARM_UP:]) / median(without_s[WARM_UP:])
    return round((ratio - 1) * 100, 1)


async def _seconds(session: AbstractAsyncContextManager[AsyncSession], kitchen: Kitchen) -> float:
    began = time.perf_counter()
    async with session as opened:
        tickets = await tickets_of_today(opened, kitchen)
    took_s = time.perf_counter() - began
    assert len(tickets) == ORDERS, "the list is not the restaurant's"
    return took_s


async def _seed(owner: AsyncEngine, kitchen: Kitchen, neighbours: Sequence[UUID]) -> None:
    async with owner.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = '5min'"))
        for restaurants, orders in (
            ([kitchen.restaurant_id], ORDERS),
            (list(neighbours), NEIGHBOURS_ORDERS),
        ):
            values = {"restaurants": restaurants, "orders": orders, "today": kitchen.today()}
            await connection.execute(_ORDERS, values)
        await connection.execute(_LINES)
    async with owner.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(f"VACUUM ANALYZE {', '.join(_TABLES)}"))


@asynccontextmanager
async def _not_forced(owner: AsyncEngine) -> AsyncIterator[None]:
    """Let row-level security not bind the owner for a while, as if there were none."""
    await _alter(owner, "NO FORCE")
    try:
        yield
    finally:
        await _alter(owner, "FORCE")


async def _alter(owner: AsyncEngine, forced: str) -> None:
    async with owner.begin() as connection:
        for table in _TABLES:
            await connection.execute(text(f"ALTER TABLE {table} {forced} ROW LEVEL SECURITY"))
