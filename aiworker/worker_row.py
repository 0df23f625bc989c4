"""The worker's row in Postgres is for people who look; what machines read is in Redis."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.models.nodes import AiWorkerNode

log = structlog.get_logger()

_WRITE_SECONDS: Final = 3.0
"""A Postgres that is slower than this gets the next row."""


async def write_row(
    sessions: async_sessionmaker[AsyncSession], *, worker_id: str, slots: int
) -> None:
    """Say in `ai_worker_node` that this worker was seen now, if Postgres answers."""
    seen = {"slots": slots, "last_seen_at": datetime.now(UTC)}
    row = insert(AiWorkerNode).values(id=worker_id, **seen)
    try:
        async with asyncio.timeout(_WRITE_SECONDS), sessions() as session, session.begin():
            await session.execute(row.on_conflict_do_update(index_elements=["id"], set_=seen))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("worker_row_not_kept", error=type(error).__name__)
