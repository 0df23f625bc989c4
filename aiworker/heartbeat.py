"""The worker says that it lives: a key with a TTL every second, and a row for people who look."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import WorkerHeartbeat

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

log = structlog.get_logger()

EVERY_SECONDS: Final = 1.0
TTL_SECONDS: Final = 5
"""A worker silent for this long is dead."""
ROW_EVERY_SECONDS: Final = 30.0
"""The row is for people; Redis is for the machines."""
_ROW_SECONDS: Final = 3.0


async def send_heartbeats(redis: Redis, state: Callable[[], WorkerHeartbeat]) -> None:
    """Runs as long as the process."""
    while True:
        beat = state()
        try:
            key = redis_keys.worker_heartbeat(beat.worker_id)
            await redis.set(key, beat.to_json(), ex=TTL_SECONDS)
        except (RedisError, OSError) as error:
            log.debug("heartbeat_not_sent", error=type(error).__name__)
        await asyncio.sleep(EVERY_SECONDS)


async def keep_row(
    sessions: "async_sessionmaker[AsyncSession]", *, worker_id: str, slots: int
) -> None:
    """Keep the `ai_worker_node` row fresh, best effort. Runs as long as the process."""
    from sqlalchemy.dialects.postgresql import insert
    from sqlalchemy.exc import SQLAlchemyError

    from controlplane.models.nodes import AiWorkerNode

    while True:
        seen = {"slots": slots, "last_seen_at": datetime.now(UTC)}
        row = insert(AiWorkerNode).values(id=worker_id, **seen)
        try:
            async with asyncio.timeout(_ROW_SECONDS), sessions() as session, session.begin():
                await session.execute(row.on_conflict_do_update(index_elements=["id"], set_=seen))
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("worker_row_not_kept", error=type(error).__name__)
        await asyncio.sleep(ROW_EVERY_SECONDS)
