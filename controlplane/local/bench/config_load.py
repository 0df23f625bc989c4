"""How long a worker waits for its restaurant's config: cached in Redis, or read from Postgres."""

import gc
import time
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts import redis_keys
from controlplane.local.bench.measures import percentile
from controlplane.redis_clients import asyncio_redis
from controlplane.restaurants.config_cache import load_restaurant_config, read_restaurant_config

LOADS: Final = 200
"""One load of as many restaurants, each once from Postgres and once from Redis."""
REDIS_DEADLINE_S: Final = 5.0


async def config_load_ms_p95(
    sessions: async_sessionmaker[AsyncSession], redis_url: str, restaurant_ids: Sequence[UUID]
) -> tuple[float, float]:
    """Return the 95th percentiles (from Redis, from Postgres) in milliseconds.

    Raises `AssertionError` when a load that was to come from Redis did not.
    """
    redis = asyncio_redis(redis_url, connect_timeout_s=REDIS_DEADLINE_S, timeout_s=REDIS_DEADLINE_S)
    cached, read = [], []
    gc.freeze()  # as a worker does: what this process did before costs no load a collection
    try:
        await redis.set(redis_keys.CONFIG_GENERATION, "1")
        for restaurant_id in restaurant_ids[:LOADS]:
            began = time.perf_counter()
            await read_restaurant_config(sessions, restaurant_id)
            read.append(time.perf_counter() - began)
            await load_restaurant_config(redis, sessions, restaurant_id)
            assert await redis.exists(redis_keys.restaurant_config(restaurant_id))
            began = time.perf_counter()
            await load_restaurant_config(redis, sessions, restaurant_id)
            cached.append(time.perf_counter() - began)
    finally:
        await redis.aclose()
    return _p95_ms(cached), _p95_ms(read)


def _p95_ms(seconds: Sequence[float]) -> float:
    value = percentile(seconds, 0.95)
    assert value is not None
    return round(value * 1_000, 1)
