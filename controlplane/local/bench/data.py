"""`alloresto bench data`: what the one Postgres that holds every restaurant costs and keeps.

It measures on a Postgres and a Redis of its own, with a thousand restaurants of 300 dishes.
"""

import asyncio
from typing import Final
from uuid import UUID

import click

from controlplane.commands.options import json_line_option
from controlplane.database import async_engine, async_sessions
from controlplane.local.bench.config_load import config_load_ms_p95
from controlplane.local.bench.erasure import erase_500_s
from controlplane.local.bench.last_table import last_table_bookings
from controlplane.local.bench.report import report, tell
from controlplane.local.bench.rls_overhead import rls_overhead_percent
from controlplane.local.bench.slot_overruns import slot_overruns
from controlplane.local.bench.thousand_restaurants import RESTAURANTS, seed_restaurants
from controlplane.local.bench.what_happens_ms import what_happens_ms
from controlplane.local.launch.services import LocalServices
from controlplane.log import configure_logging
from controlplane.migrations.schema import upgrade

POOL: Final = 4


@click.command()
@click.option("--restaurants", default=RESTAURANTS)
@json_line_option
def run_bench_data(*, restaurants: int, as_json: bool) -> int:
    """Restaurants' data: what it costs to read, and what nobody can do twice.

    Measure and print.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    with LocalServices(temporary=True, environment={}) as services:
        upgrade(services.database_url)
        tell(f"{restaurants} restaurants …")
        restaurant_ids = seed_restaurants(services.database_url, restaurants=restaurants)
        result = asyncio.run(_measure(services, restaurant_ids))
    report({"restaurants": restaurants, **result}, as_json=as_json)
    return 0


async def _measure(services: LocalServices, restaurant_ids: list[UUID]) -> dict[str, object]:
    engine = async_engine(services.database_url, application_name="bench", pool_size=POOL)
    try:
        sessions = async_sessions(engine)
        cached, read = await config_load_ms_p95(sessions, services.redis_url, restaurant_ids)
        erase_s = await erase_500_s(sessions, restaurant_ids[0])
    finally:
        await engine.dispose()
    last_table = await last_table_bookings(services.database_url)
    slots = await slot_overruns(services.database_url)
    return {
        "last_table_bookings": last_table.bookings,
        "last_table_alternatives": last_table.with_alternatives,
        "slot_overruns": max(0, slots.taken - slots.most),
        "config_redis_ms_p95": cached,
        "config_postgres_ms_p95": read,
        "erase_500_s": round(erase_s, 3),
        "rls_overhead_percent": await rls_overhead_percent(services.database_url, restaurant_ids),
        "what_happens_ms": round(what_happens_ms(), 2),
    }
