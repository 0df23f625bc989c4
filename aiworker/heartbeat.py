"""The worker says that it lives: a key in Redis with a TTL, every second."""

from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import WorkerHeartbeat

log = structlog.get_logger()

EVERY_SECONDS: Final = 1.0
TTL_SECONDS: Final = 5
"""A worker silent for this long is dead."""


async def send_heartbeat(redis: Redis, beat: WorkerHeartbeat) -> None:
    """Write the heartbeat; a worker whose Redis is away could claim nothing anyway."""
    try:
        key = redis_keys.worker_heartbeat(beat.worker_id)
        await redis.set(key, beat.to_json(), ex=TTL_SECONDS)
    except (RedisError, OSError) as error:
        log.debug("heartbeat_not_sent", error=type(error).__name__)
