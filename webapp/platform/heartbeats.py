"""What bridges and workers say of themselves in Redis, and how long the queue is.

Redis may be away: the page then says that it does not know, and shows what Postgres knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import ValidationError
from redis import asyncio as async_redis
from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat, WorkerHeartbeat

MOST_WORKERS: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The bridges and workers that are alive, and the calls that wait for a worker."""

    bridges: dict[str, BridgeHeartbeat]
    workers: Sequence[WorkerHeartbeat]
    waiting: int


async def read_fleet(redis: async_redis.Redis) -> Fleet | None:
    """Return None while Redis does not answer."""
    try:
        keys = [key async for key in redis.scan_iter(redis_keys.HEARTBEATS, count=MOST_WORKERS)]
        values = await redis.mget(keys) if keys else []
        waiting = await redis.llen(redis_keys.QUEUE_INCOMING_CALLS)
    except (RedisError, OSError):
        return None
    beats = [(str(key), str(value)) for key, value in zip(keys, values, strict=True) if value]
    bridges = _read(BridgeHeartbeat, [v for k, v in beats if k.startswith("bridge:")])
    workers = _read(WorkerHeartbeat, [v for k, v in beats if k.startswith("worker:")])
    return Fleet(
        bridges={each.bridge_id: each for each in bridges},
        workers=sorted(workers, key=lambda each: each.worker_id),
        waiting=waiting,
    )


Beat = TypeVar("Beat", BridgeHeartbeat, WorkerHeartbeat)


def _read(kind: type[Beat], values: list[str]) -> list[Beat]:
    """Leave out what another version writes that this one cannot read."""
    read: list[Beat] = []
    for value in values:
        try:
            read.append(kind.model_validate_json(value))
        except ValidationError:
            continue
    return read
