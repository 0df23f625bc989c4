"""What is in the cart of a call in progress: its worker keeps it in Redis as it changes."""

import asyncio
from typing import Final
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.restaurants.cart import Cart, CartState

READ_S: Final = 0.5
"""A page waits for a cart no longer: it shows the call without."""

log = structlog.get_logger()


class _Kept(BaseModel):
    """The part of a call's state that is the cart; the rest is its worker's own."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    cart: CartState


async def live_cart(redis: Redis, call_id: UUID) -> Cart | None:
    """Return None when there is none, or when it cannot be read now."""
    try:
        async with asyncio.timeout(READ_S):
            kept = await redis.get(redis_keys.call_state(call_id))
        return Cart(_Kept.model_validate_json(kept).cart) if kept else None
    except (RedisError, OSError, TimeoutError, ValidationError) as error:
        log.warning("live_cart_unreadable", error=type(error).__name__)
        return None
