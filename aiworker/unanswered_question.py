"""A question that the assistant could not answer is counted, or forgotten.

No caller waits for it longer than `NOTE_SECONDS`.
"""

import asyncio
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.restaurants.faq_gaps import record_gap
from controlplane.tenancy import restaurant_session

NOTE_SECONDS: Final = 1.0
"""Two rows are written in a few milliseconds; the caller hears the answer after it."""

log = structlog.get_logger()


async def note_unanswered(
    sessions: async_sessionmaker[AsyncSession], restaurant_id: UUID, call_id: UUID, question: str
) -> None:
    """Count the question among the restaurant's; a database that is away loses it alone."""
    try:
        async with (
            asyncio.timeout(NOTE_SECONDS),
            restaurant_session(sessions, restaurant_id) as session,
            session.begin(),
        ):
            now = datetime.now(UTC)
            await record_gap(session, restaurant_id, question, now, call_id=call_id)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        log.warning("question_not_noted", error=type(error).__name__)
