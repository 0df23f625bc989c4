"""Orders whose placing has begun and not ended are noted in Redis, for a worker may die meanwhile.

A note is written before the order's transaction and withdrawn after it. Redis being away never
keeps an order from being placed.
"""

import asyncio
from typing import Final

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aiworker.metrics import ERRORS
from controlplane.contracts import redis_keys
from controlplane.contracts.messages import Message
from controlplane.restaurants.order_draft import OrderDraft

log = structlog.get_logger()

_REDIS_SECONDS: Final = 0.5
"""The caller waits for this, twice an order, when Redis hangs."""


class UnsettledOrder(Message):
    """An order that is being placed."""

    draft: OrderDraft
    told: bool = False
    """The caller was told that the restaurant confirms it."""


class UnsettledOrders:
    """The notes of all workers."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def write(self, order: UnsettledOrder) -> bool:
        """Note the order. Returns False when Redis is away, and perhaps nothing is noted."""
        key = order.draft.idempotency_key
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                await self._redis.hset(redis_keys.UNSETTLED_ORDERS, key, order.to_json())
        except (RedisError, OSError, TimeoutError) as error:
            _redis_away("order_not_noted", error)
            return False
        return True

    async def withdraw(self, key: str, *, noted: bool = True) -> bool:
        """Remove a note. Returns whether it is certain that nobody makes an order of it.

        One that was `noted` and is gone has been settled by another worker meanwhile.
        """
        try:
            async with asyncio.timeout(_REDIS_SECONDS):
                removed = await self._redis.hdel(redis_keys.UNSETTLED_ORDERS, key)
        except (RedisError, OSError, TimeoutError) as error:
            _redis_away("order_note_not_withdrawn", error)
            return False
        return bool(removed) or not noted

    async def read(self) -> list[UnsettledOrder]:
        """Return every note that can be read. Raises `RedisError`, `OSError`, `TimeoutError`."""
        async with asyncio.timeout(_REDIS_SECONDS):
            notes = await self._redis.hvals(redis_keys.UNSETTLED_ORDERS)
        return [order for note in notes if (order := _parse(note)) is not None]


def _parse(note: str | bytes) -> UnsettledOrder | None:
    try:
        return UnsettledOrder.model_validate_json(note)
    except ValidationError:  # of another version, which will settle it
        ERRORS.labels(kind="unsettled_order_unreadable").inc()
        log.error("unsettled_order_unreadable")
        return None


def _redis_away(event: str, error: Exception) -> None:
    ERRORS.labels(kind="redis").inc()
    log.warning(event, error=type(error).__name__)
