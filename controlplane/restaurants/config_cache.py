"""What a worker knows of its restaurant: read from Redis, rebuilt from Postgres when it is not.

Any process may have written the cached JSON, an older release included: what does not parse is
a miss. Redis being away costs one read of Postgres a call, never the call.
"""

import asyncio
from typing import Final
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts import redis_keys, restaurant_config
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.models.restaurant import Restaurant
from controlplane.models.transfer_target import TransferTarget
from controlplane.restaurants.errors import UnknownRestaurant
from controlplane.restaurants.faq import read_answers
from controlplane.restaurants.menu_versions import newest_number
from controlplane.restaurants.menus import SoldOut, read_menu
from controlplane.restaurants.opening_hours import read_calendar
from controlplane.restaurants.packed_config import pack, unpack
from controlplane.tenancy import restaurant_session

CACHE_TTL_S: Final = 300
"""As long as a menu change may take when its invalidation is lost."""
REDIS_TIMEOUT_S: Final = 0.5
"""The caller is listening to the greeting; Postgres takes over well before it ends."""

RELOAD_SECONDS: Final = 1.0
"""The menu takes 10 ms to read."""

_WRITE_UNLESS_CHANGED: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

_logger = structlog.get_logger()


async def load_restaurant_config(
    redis: Redis, sessions: async_sessionmaker[AsyncSession], restaurant_id: UUID
) -> RestaurantConfig:
    """The restaurant's menu, hours and voice, at most `CACHE_TTL_S` old.

    Raises `UnknownRestaurant`, or SQLAlchemy's errors when Postgres is needed and does not answer.
    Safe to cancel.
    """
    cached, generation = await _read_cache(redis, restaurant_id)
    if cached is not None:
        return cached
    config, ttl_s = await read_restaurant_config(sessions, restaurant_id)
    if generation is not None:
        await _write_cache(redis, config, ttl_s, generation=generation)
    return config


async def read_restaurant_config(
    sessions: async_sessionmaker[AsyncSession], restaurant_id: UUID
) -> tuple[RestaurantConfig, int]:
    """From Postgres, as of one instant; with the seconds it stays true.

    Raises `UnknownRestaurant`.
    """
    async with restaurant_session(sessions, restaurant_id) as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        now = (await session.scalars(select(func.now()))).one()
        restaurant = await session.get(Restaurant, restaurant_id)
        if restaurant is None:
            raise UnknownRestaurant(restaurant_id)
        sold_out = SoldOut(now)
        menu = await read_menu(session, restaurant_id, sold_out)
        version = await newest_number(session, restaurant_id)
        calendar = await read_calendar(session, restaurant, now)
        answers = await read_answers(session, restaurant_id)
        targets = await session.scalars(
            select(TransferTarget)
            .where(TransferTarget.restaurant_id == restaurant_id)
            .order_by(TransferTarget.position, TransferTarget.id),
        )
    config = RestaurantConfig(
        id=restaurant.id,
        slug=restaurant.slug,
        name=restaurant.name,
        spoken_name=restaurant.spoken_name,
        address=restaurant.address,
        timezone=restaurant.timezone,
        phone_e164=restaurant.phone_e164,
        preparation_minutes=restaurant.preparation_minutes,
        kitchen=calendar.kitchen,
        open_orders=calendar.open_orders,
        voice=restaurant.voice,
        realtime_model=restaurant.realtime_model,
        menu=menu,
        menu_version=version,
        opening=calendar.week,
        opening_exceptions=calendar.exceptions,
        holidays=calendar.holidays,
        busy=calendar.busy,
        status=calendar.status,
        transfer_targets=tuple(
            restaurant_config.TransferTarget(id=target.id, name=target.name) for target in targets
        ),
        faq=answers,
    )
    return config, sold_out.seconds_true(at_most=CACHE_TTL_S)


async def reload_restaurant_config(
    sessions: async_sessionmaker[AsyncSession], restaurant_id: UUID
) -> RestaurantConfig:
    """The restaurant as Postgres has it now, for a caller who waits.

    Raises `UnknownRestaurant`, SQLAlchemy's errors, or `TimeoutError` after `RELOAD_SECONDS`.
    """
    async with asyncio.timeout(RELOAD_SECONDS):
        config, _ = await read_restaurant_config(sessions, restaurant_id)
        return config


async def _read_cache(
    redis: Redis, restaurant_id: UUID
) -> tuple[RestaurantConfig | None, str | bytes | None]:
    """What is cached, and the generation a config read from now on is of."""
    keys = [redis_keys.restaurant_config(restaurant_id), redis_keys.CONFIG_GENERATION]
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            body, generation = await redis.mget(keys)
    except (RedisError, OSError, TimeoutError) as error:
        _cache_away(restaurant_id, error)
        return None, None
    if body is None:
        return None, generation
    try:
        config = unpack(body)
    except ValueError:
        _logger.warning("restaurant_config_cache_unreadable", restaurant_id=str(restaurant_id))
        return None, generation
    return (config if config.id == restaurant_id else None), generation


async def _write_cache(
    redis: Redis, config: RestaurantConfig, ttl_s: int, *, generation: str | bytes
) -> None:
    """Unless something changed since `generation` was read: perhaps this very menu."""
    keys = [redis_keys.CONFIG_GENERATION, redis_keys.restaurant_config(config.id)]
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            await redis.eval(
                _WRITE_UNLESS_CHANGED, len(keys), *keys, generation, pack(config), ttl_s
            )
    except (RedisError, OSError, TimeoutError) as error:
        _cache_away(config.id, error)


def _cache_away(restaurant_id: UUID, error: Exception) -> None:
    _logger.warning(
        "restaurant_config_cache_away",
        restaurant_id=str(restaurant_id),
        error=type(error).__name__,
    )
