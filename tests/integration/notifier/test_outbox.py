"""What somebody is to be told is committed with what it tells of, once, and taken by one sender."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.models.notification import Channel, Notification, NotificationState
from controlplane.restaurants.notification_queue import (
    BATCH,
    LEASE,
    claim,
    put_off,
    record_failed,
    record_sent,
)
from controlplane.restaurants.notify import Notice, NotificationKind, Suppressed, notify
from controlplane.tenancy import restaurant_session
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

MOBILE = "+33639980123"
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
def sessions(database: AsyncEngine) -> Sessions:
    return async_sessions(database)


async def luigi(sessions: Sessions) -> Any:
    async with sessions.begin() as session:
        return await add_restaurant(session, name="Chez Luigi")


def notice(restaurant_id: Any, key: str = "k", **values: Any) -> Notice:
    given = {
        "restaurant_id": restaurant_id,
        "kind": NotificationKind.ORDER_PLACED,
        "channel": Channel.SMS,
        "to": MOBILE,
        "key": key,
        "body": "Bonjour",
        **values,
    }
    return Notice(**given)


async def test_another_tenant_sees_nothing(database_url: str, sessions: Sessions) -> None:
    mine, theirs = await luigi(sessions), await luigi(sessions)
    web = async_engine(database_url, application_name="test", role=DatabaseRole.WEB)
    for restaurant_id in (mine, theirs):
        async with restaurant_session(async_sessions(web), restaurant_id) as session:
            assert await notify(session, notice(restaurant_id))
            assert not await notify(session, notice(restaurant_id))
            await session.commit()
            seen = await session.scalars(select(Notification.restaurant_id))
            assert seen.all() == [restaurant_id]
    await web.dispose()


async def test_who_cannot_be_told_is_written_down_without_a_number(sessions: Sessions) -> None:
    restaurant_id = await luigi(sessions)
    reasons = {
        None: Suppressed.NO_NUMBER,
        "+33199001234": Suppressed.NOT_MOBILE,
        "+4915112345678": Suppressed.FOREIGN,
        "+33899123456": Suppressed.UNSAFE,
    }
    async with sessions.begin() as session:
        for to in reasons:
            await notify(session, notice(restaurant_id, f"to {reasons[to]}", to=to))
    async with sessions() as session:
        rows = (await session.scalars(select(Notification))).all()
        assert {row.reason for row in rows} == set(reasons.values())
        assert {row.state for row in rows} == {NotificationState.SUPPRESSED}
        assert {(row.recipient, row.body) for row in rows} == {(None, "")}


async def test_a_transaction_that_fails_tells_nobody(sessions: Sessions) -> None:
    restaurant_id = await luigi(sessions)
    async with sessions() as session:
        await notify(session, notice(restaurant_id))
        await session.rollback()
    async with sessions() as session:
        assert (await session.scalars(select(Notification))).all() == []


async def test_ten_senders_at_once_take_each_row_once(sessions: Sessions) -> None:
    restaurant_id, rows = await luigi(sessions), 3 * BATCH
    async with sessions.begin() as session:
        for at in range(rows):
            await notify(session, notice(restaurant_id, str(at)))
    now = datetime.now(UTC) + timedelta(seconds=1)

    async def send() -> list[str]:
        async with sessions.begin() as session:
            taken = await claim(session, now, list(Channel))
            await session.execute(text("SELECT pg_sleep(0.02)"))  # the others come meanwhile
            return [row.key for row in taken]

    taken = [key for keys in await asyncio.gather(*(send() for _ in range(10))) for key in keys]
    assert sorted(taken) == sorted({str(at) for at in range(rows)})


async def test_who_dies_while_sending_leaves_it_to_another_and_records_nothing_late(
    sessions: Sessions,
) -> None:
    restaurant_id = await luigi(sessions)
    async with sessions.begin() as session:
        await notify(session, notice(restaurant_id))
    now = datetime.now(UTC) + timedelta(seconds=1)
    async with sessions.begin() as session:
        (late,) = await claim(session, now, list(Channel))
    async with sessions.begin() as session:
        assert await claim(session, now, list(Channel)) == []
        (mine,) = await claim(session, now + LEASE, list(Channel))
        assert mine.attempts == 2
    async with sessions.begin() as session:
        late.attempts = 1
        assert not await record_failed(session, late, "tried_out", now)
        assert await put_off(session, mine, now)
        assert await record_sent(session, mine, "ovh-1", now, sms_parts=1)
        assert not await put_off(session, mine, now)
    async with sessions() as session:
        row = (await session.scalars(select(Notification))).one()
        assert (row.state, row.body, row.provider_id) == (NotificationState.SENT, "", "ovh-1")
