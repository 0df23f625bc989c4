"""Cart and transcript tail survive the worker: they are written to Redis as they change.

One writer task a call writes the newest state only. Redis being away costs the resume, never the
call.
"""

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog
from pydantic import Field, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aiworker.conversation.transcript import SaidTurn
from aiworker.metrics import ERRORS
from controlplane.contracts import redis_keys
from controlplane.contracts.messages import Message
from controlplane.restaurants.cart import CartState

log = structlog.get_logger()

KEPT_SECONDS: Final = 3_600
"""No call lasts as long; a caller who rings back within the hour is a new call."""
_READ_SECONDS: Final = 0.5
"""The caller waits in silence for this."""
_RETRY_SECONDS: Final = 1.0


class CallState(Message):
    """This is everything that another worker needs to go on."""

    cart: CartState = Field(default_factory=CartState)
    turns: tuple[SaidTurn, ...] = ()
    next_position: int = 0


class CallMemory:
    """It keeps one call's state in Redis."""

    def __init__(self, redis: Redis, call_id: UUID) -> None:
        self._redis = redis
        self._key = redis_keys.call_state(call_id)
        self._changed = asyncio.Event()

    async def recall(self) -> CallState | None:
        """Read what another worker left; None when there is nothing, or nothing readable."""
        try:
            async with asyncio.timeout(_READ_SECONDS):
                raw = await self._redis.get(self._key)
            return CallState.model_validate_json(raw) if raw else None
        except (RedisError, OSError, TimeoutError, ValidationError) as error:
            ERRORS.labels(kind="call_state").inc()
            log.warning("call_state_unreadable", error=type(error).__name__)
            return None

    def changed(self) -> None:
        """There is something new to keep: it is written soon."""
        self._changed.set()

    async def write_change(self, state: Callable[[], CallState]) -> None:
        """Wait for a change, and write the state as it then is."""
        await self._changed.wait()
        self._changed.clear()
        try:
            await self._redis.set(self._key, state().to_json(), ex=KEPT_SECONDS)
        except (RedisError, OSError) as error:
            ERRORS.labels(kind="call_state").inc()
            log.warning("call_state_not_saved", error=type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
            self._changed.set()
