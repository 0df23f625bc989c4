"""The facts of calls go to their records from here: XADD to `stream:call_events`, in order.

One writer a process. While Redis is away events wait here, bounded; the oldest go first.
"""

import asyncio
from collections import deque
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aiworker.metrics import ERRORS
from controlplane.contracts import redis_keys
from controlplane.contracts.messages import CallEvent

log = structlog.get_logger()

_WAITING: Final = 2_000
"""About 50 calls of 40 turns: an outage of Redis as long as a call loses nothing."""
_RETRY_SECONDS: Final = 0.5
_BATCH: Final = 50


class CallEventLog:
    """The worker's end of the call event stream."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: deque[str] = deque()
        """These events are JSON already: one that cannot be written holds up no other."""
        self._some = asyncio.Event()

    def tell(self, event: CallEvent) -> None:
        """Take an event, to be published soon. It never waits, nor raises: an event that cannot be
        written is lost, and counted.
        """
        try:
            written = event.to_json()
        except ValueError as error:
            _count_lost(type(error).__name__)
            return
        if len(self._waiting) >= _WAITING:
            self._waiting.popleft()
            _count_lost("too_many")
        self._waiting.append(written)
        self._some.set()

    async def publish(self) -> None:
        """Wait for events, and publish them all."""
        await self._some.wait()
        await self._publish_waiting()
        self._some.clear()  # only now: after a failure the next turn goes on at once

    async def flush(self, deadline_seconds: float) -> None:
        """Publish what waits, before the process ends."""
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._publish_waiting()
        except TimeoutError:
            log.error("call_events_not_published", count=len(self._waiting))

    async def _publish_waiting(self) -> None:
        while self._waiting:
            batch = [self._waiting[at] for at in range(min(_BATCH, len(self._waiting)))]
            try:
                async with self._redis.pipeline(transaction=True) as pipe:
                    for event in batch:
                        pipe.xadd(
                            redis_keys.CALL_EVENTS,
                            {"event": event},
                            maxlen=redis_keys.MAX_CALL_EVENTS,
                            approximate=True,
                        )
                    await pipe.execute()
            except (RedisError, OSError) as error:
                ERRORS.labels(kind="redis").inc()
                log.warning("call_events_wait", error=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            for event in batch:
                if self._waiting and self._waiting[0] is event:
                    self._waiting.popleft()


def _count_lost(reason: str) -> None:
    ERRORS.labels(kind="call_event_lost").inc()
    log.error("call_event_lost", reason=reason)
