"""A question that the assistant could not answer is counted at its restaurant alone; a database
that is away, or slow, costs the caller a second at most and ends nothing.
"""

import asyncio
import time
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from aiworker.unanswered_question import NOTE_SECONDS, note_unanswered
from controlplane.contracts.identifiers import new_id
from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.restaurants.faq_gaps import open_gaps
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

QUESTION = "Avez-vous un parking ?"


@pytest.fixture
async def luigi(database: AsyncEngine) -> UUID:
    async with async_sessions(database).begin() as session:
        return await add_restaurant(session, name="Chez Luigi")


async def test_it_is_counted_once_a_time_by_the_workers_own_role(
    database: AsyncEngine, database_url: str, luigi: UUID
) -> None:
    worker = async_engine(database_url, application_name="worker", role=DatabaseRole.WORKER)
    for asked in (QUESTION, "avez vous un PARKING"):
        await note_unanswered(async_sessions(worker), luigi, new_id(), asked)
    await worker.dispose()
    async with async_sessions(database).begin() as session:
        (gap,) = await open_gaps(session, luigi)
        assert (gap.times, gap.question) == (2, "avez vous un PARKING")
        other = await add_restaurant(session)
        assert list(await open_gaps(session, other)) == []


async def test_a_database_that_is_away_or_slow_keeps_nobody_waiting(
    database: AsyncEngine, luigi: UUID
) -> None:
    away = async_engine("postgresql://x@127.0.0.1:1/x", application_name="worker")
    await note_unanswered(async_sessions(away), luigi, new_id(), QUESTION)
    async with database.begin() as holding:
        await holding.execute(text("LOCK TABLE faq_gap"))
        began = time.monotonic()
        async with asyncio.timeout(5 * NOTE_SECONDS):
            await note_unanswered(async_sessions(database), luigi, new_id(), QUESTION)
        assert time.monotonic() - began >= NOTE_SECONDS / 2
