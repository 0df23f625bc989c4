"""What a worker knows of its restaurant: read from Redis, rebuilt from Postgres when it is not.

Any process may have written the cached JSON, an older release included: what does not parse is
a miss. Redis being away costs one read of Postgres a call, never the call.
"""

import asyncio
import math
from collections import defaultdict
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts import redis_keys, restaurant_config
from controlplane.contracts.restaurant_config import OpeningWindow, RestaurantConfig
from controlplane.errors import AlloRestoError
from controlplane.models.menu import ItemOptionGroup, MenuCategory, MenuItem, Option, OptionGroup
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.restaurant import Restaurant
from controlplane.models.transfer_target import TransferTarget

CACHE_TTL_S: Final = 300
"""As long as a menu change may take when its invalidation is lost."""
REDIS_TIMEOUT_S: Final = 0.5
"""The caller is listening to the greeting; Postgres takes over well before it ends."""

_WRITE_UNLESS_CHANGED: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
return 1
"""

_logger = structlog.get_logger()


class UnknownRestaurant(AlloRestoError):
    """No restaurant has this id."""

    def __init__(self, restaurant_id: UUID) -> None:
        super().__init__(f"no restaurant {restaurant_id}")


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
    async with sessions() as session:
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        now = (await session.scalars(select(func.now()))).one()
        restaurant = await session.get(Restaurant, restaurant_id)
        if restaurant is None:
            raise UnknownRestaurant(restaurant_id)
        shelf = _Shelf(now)
        groups = await _option_groups(session, restaurant_id, shelf)
        menu = await _menu(session, restaurant_id, shelf, groups)
        windows = await session.scalars(
            select(OpeningRule)
            .where(OpeningRule.restaurant_id == restaurant_id)
            .order_by(OpeningRule.weekday, OpeningRule.opens),
        )
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
        voice=restaurant.voice,
        realtime_model=restaurant.realtime_model,
        menu=menu,
        opening=tuple(
            OpeningWindow(weekday=rule.weekday, opens=rule.opens, closes=rule.closes)
            for rule in windows
        ),
        transfer_targets=tuple(
            restaurant_config.TransferTarget(id=target.id, name=target.name) for target in targets
        ),
    )
    return config, shelf.seconds_true()


class _Shelf:
    """What is sold out at one instant, and for how long that answer holds."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._returns: list[datetime] = []

    def is_sold_out(self, until: datetime | None) -> bool:
        if until is None or until <= self._now:
            return False
        self._returns.append(until)
        return True

    def seconds_true(self) -> int:
        """At most `CACHE_TTL_S`: a dish that comes back in 40 s ends the cache entry then."""
        left = [math.ceil((until - self._now).total_seconds()) for until in self._returns]
        return min([CACHE_TTL_S, *left])


async def _option_groups(
    session: AsyncSession, restaurant_id: UUID, shelf: _Shelf
) -> dict[UUID, restaurant_config.OptionGroup]:
    choices: dict[UUID, list[restaurant_config.Option]] = defaultdict(list)
    options = await session.scalars(
        select(Option).where(Option.restaurant_id == restaurant_id).order_by(Option.position),
    )
    for option in options:
        choices[option.option_group_id].append(
            restaurant_config.Option(
                id=option.id,
                name=option.name,
                spoken_name=option.spoken_name,
                aliases=tuple(option.aliases),
                price_delta_cents=option.price_delta_cents,
                sold_out=shelf.is_sold_out(option.sold_out_until),
            )
        )
    groups = await session.scalars(
        select(OptionGroup)
        .where(OptionGroup.restaurant_id == restaurant_id)
        .order_by(OptionGroup.position),
    )
    by_id = {
        group.id: restaurant_config.OptionGroup(
            id=group.id,
            name=group.name,
            min_select=group.min_select,
            max_select=group.max_select,
            options=tuple(choices[group.id]),
        )
        for group in groups
    }
    return by_id


async def _menu(
    session: AsyncSession,
    restaurant_id: UUID,
    shelf: _Shelf,
    groups: dict[UUID, restaurant_config.OptionGroup],
) -> tuple[restaurant_config.MenuItem, ...]:
    """The active dishes in the menu's order."""
    links = await session.scalars(
        select(ItemOptionGroup).where(ItemOptionGroup.restaurant_id == restaurant_id)
    )
    group_ids: dict[UUID, set[UUID]] = defaultdict(set)
    for link in links:
        group_ids[link.item_id].add(link.option_group_id)
    rows = await session.execute(
        select(MenuItem, MenuCategory.name)
        .join(
            MenuCategory,
            (MenuCategory.restaurant_id == MenuItem.restaurant_id)
            & (MenuCategory.id == MenuItem.category_id),
        )
        .where(MenuItem.restaurant_id == restaurant_id, MenuItem.active)
        .order_by(MenuCategory.position, MenuItem.position)
    )
    return tuple(
        restaurant_config.MenuItem(
            id=item.id,
            name=item.name,
            spoken_name=item.spoken_name,
            aliases=tuple(item.aliases),
            description=item.description,
            category=category,
            price_cents=item.price_cents,
            vat_rate_bp=item.vat_rate_bp,
            sold_out=shelf.is_sold_out(item.sold_out_until),
            option_groups=tuple(
                group for group_id, group in groups.items() if group_id in group_ids[item.id]
            ),
        )
        for item, category in rows
    )


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
        config = RestaurantConfig.model_validate_json(body)
    except ValidationError:
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
                _WRITE_UNLESS_CHANGED, len(keys), *keys, generation, config.to_json(), ttl_s
            )
    except (RedisError, OSError, TimeoutError) as error:
        _cache_away(config.id, error)


def _cache_away(restaurant_id: UUID, error: Exception) -> None:
    _logger.warning(
        "restaurant_config_cache_away",
        restaurant_id=str(restaurant_id),
        error=type(error).__name__,
    )
