"""An SMS that an operator took is billed by its parts, once, in the month it was sent, whatever
becomes of its row.
"""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.billing.usage import rate_sms
from controlplane.database import async_sessions, libpq_url
from controlplane.database_roles import DatabaseRole
from controlplane.migrations import schema
from controlplane.models.notification import Notification
from controlplane.models.restaurant import Restaurant
from controlplane.models.usage_record import UsageRecord
from controlplane.restaurants.erase_caller import erase_caller
from tests.billing_rows import add_billed, add_plan, add_sms

pytestmark = pytest.mark.integration

EVENING = datetime(2026, 11, 3, 19, tzinfo=UTC)
REFUSED = {"state": "failed", "reason": "tried_out", "parts": None}
WAITS = {"state": "pending", "settled_at": None, "parts": None}


@pytest.fixture
async def session(database: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with async_sessions(database)() as session:
        yield session


async def rated(session: AsyncSession, restaurant_id: UUID) -> list[tuple[Any, ...]]:
    rows = await session.execute(
        select(UsageRecord.source, UsageRecord.month, UsageRecord.quantity, UsageRecord.micros)
        .where(UsageRecord.restaurant_id == restaurant_id)
        .order_by(UsageRecord.at)
    )
    return [tuple(row) for row in rows]


async def test_another_tenant_sees_nothing(session: AsyncSession) -> None:
    """Rating one restaurant, as the admin who issues does, writes nothing of another's."""
    plan = await add_plan(session)
    ours, theirs = await add_billed(session, plan), await add_billed(session, plan)
    await add_sms(session, theirs, EVENING)
    await session.commit()
    await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.ADMIN}"))
    await session.execute(*rate_sms(ours))
    assert await rated(session, ours) == await rated(session, theirs) == []
    await session.execute(*rate_sms(theirs))
    assert len(await rated(session, theirs)) == 1


async def test_an_sms_is_rated_by_its_parts_once_in_the_month_it_was_sent(
    session: AsyncSession,
) -> None:
    """Staff's and customers' alike; none that nobody took, no e-mail, none of unknown length."""
    ours = await add_billed(session, await add_plan(session))
    october = await add_sms(session, ours, datetime(2026, 10, 31, 22, 59, tzinfo=UTC), parts=1)
    november = await add_sms(session, ours, datetime(2026, 10, 31, 23, 0, tzinfo=UTC), parts=3)
    staff = await add_sms(session, ours, EVENING, kind="order_unseen")
    for other in (REFUSED, WAITS, {"channel": "email", "parts": None}, {"parts": None}):
        await add_sms(session, ours, EVENING, **other)
    for _ in range(2):
        await session.execute(*rate_sms(ours))
    assert await rated(session, ours) == [
        (str(october), date(2026, 10, 1), 1, 70_000),
        (str(november), date(2026, 11, 1), 3, 210_000),
        (str(staff), date(2026, 11, 1), 2, 140_000),
    ]


async def test_who_is_erased_leaves_what_their_sms_cost(session: AsyncSession) -> None:
    ours = await add_billed(session, await add_plan(session))
    sms_id = await add_sms(session, ours, EVENING)
    await session.commit()
    await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.ADMIN}"))
    await erase_caller(session, [await session.get_one(Restaurant, ours)], "+33639980134")
    assert await session.scalar(select(Notification.id)) is None
    assert await rated(session, ours) == [(str(sms_id), date(2026, 11, 1), 2, 140_000)]


BEFORE = (
    "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone, phone_e164, status,"
    " preparation_minutes, voice, realtime_model) VALUES (gen_random_uuid(), 'luigi', '', '', '',"
    " 'Europe/Paris', '+33199001234', 'live', 20, '', '')",
    "INSERT INTO call (id, restaurant_id, input_audio_tokens, input_text_tokens, cached_tokens,"
    " output_audio_tokens, output_text_tokens) SELECT gen_random_uuid(), id, 0, 0, 0, 0, 0"
    " FROM restaurant",
    "INSERT INTO notification (id, restaurant_id, key, kind, channel, state, recipient,"
    " next_attempt_at, expires_at, settled_at) SELECT gen_random_uuid(), id, 'k', 'order_placed',"
    " 'sms', 'sent', '+33639980134', now(), now(), now() FROM restaurant",
)


def test_what_was_sent_before_parts_were_counted_has_none(empty_database_url: str) -> None:
    """The migration keeps what there is, there and back."""
    schema.upgrade(empty_database_url, revision="0046")
    with psycopg.connect(libpq_url(empty_database_url)) as connection:
        for statement in BEFORE:
            connection.execute(statement)
    for _ in range(2):
        schema.upgrade(empty_database_url, revision="0047")
        with psycopg.connect(libpq_url(empty_database_url)) as connection:
            kept = connection.execute(
                "SELECT call.rated, notification.rated, sms_parts FROM call, notification"
            )
            assert kept.fetchall() == [(False, False, None)]
        schema.downgrade(empty_database_url, revision="0046")
