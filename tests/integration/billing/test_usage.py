"""What a restaurant used is written once, in the right month, with the plan it had then."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from structlog.testing import capture_logs

from controlplane.billing.months import month_of
from controlplane.billing.usage import TOKENS, rate_calls, rate_numbers, rate_sms
from controlplane.controller import metrics
from controlplane.controller.housekeeping import rate_and_prune, rate_usage
from controlplane.database import async_sessions, sync_engine
from controlplane.database_roles import DatabaseRole
from controlplane.models.call import Call
from controlplane.models.notification import Notification
from controlplane.models.restaurant import Restaurant
from controlplane.models.subscription import Subscription
from controlplane.models.usage_record import UsageKind, UsageRecord
from controlplane.tenancy import restaurant_session
from tests.billing_rows import add_billed, add_call, add_plan, add_sms

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOVEMBER = date(2026, 11, 1)


@pytest.fixture
async def session(database: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with async_sessions(database)() as session:
        yield session


async def records(session: AsyncSession, restaurant_id: UUID) -> list[UsageRecord]:
    found = await session.scalars(
        select(UsageRecord)
        .where(UsageRecord.restaurant_id == restaurant_id)
        .order_by(UsageRecord.at, UsageRecord.source)
    )
    return list(found)


async def test_another_tenant_sees_nothing(session: AsyncSession) -> None:
    """Rating one restaurant writes nothing of another's, and nothing for it."""
    plan = await add_plan(session)
    ours, theirs = await add_billed(session, plan), await add_billed(session, plan, numbers=2)
    await add_call(session, theirs, datetime(2026, 11, 3, 19, tzinfo=UTC))
    await session.execute(*rate_calls(ours, now=NOW))
    await session.execute(*rate_numbers(ours, NOVEMBER))
    assert await records(session, ours) == await records(session, theirs) == []
    await session.execute(*rate_calls(theirs, now=NOW))
    await session.commit()
    await session.execute(text(f"SET ROLE {DatabaseRole.WEB}"))
    assert await session.scalar(select(UsageRecord.id)) is None  # no restaurant is named
    await session.rollback()


async def test_a_session_of_another_restaurant_sees_no_usage(database: AsyncEngine) -> None:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        plan = await add_plan(session)
        ours, theirs = await add_billed(session, plan), await add_billed(session, plan, numbers=2)
        await session.execute(*rate_numbers(theirs, NOVEMBER))
        await session.execute(text(f"GRANT SELECT ON usage_record TO {DatabaseRole.WEB}"))
    for asks, sees in ((ours, 0), (theirs, 2)):
        async with restaurant_session(sessions, asks) as session:
            await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WEB}"))
            assert await session.scalar(select(func.count(UsageRecord.id))) == sees


async def test_a_call_is_rated_by_the_second_with_its_model_usage_by_component(
    session: AsyncSession,
) -> None:
    ours = await add_billed(session, await add_plan(session))
    tokens = {name: 100 + index for index, name in enumerate(TOKENS)}
    call_id = await add_call(
        session,
        ours,
        datetime(2026, 11, 3, 19, tzinfo=UTC),
        seconds=90.2,
        realtime_model="gpt-realtime-2.1-mini",
        **tokens,
    )
    for _ in range(2):
        await session.execute(*rate_calls(ours, now=NOW))
    (record,) = await records(session, ours)
    assert (record.kind, record.source) == (UsageKind.CALL, str(call_id))
    assert (record.quantity, record.micros, record.month) == (91, 227_500, NOVEMBER)
    assert record.realtime_model == "gpt-realtime-2.1-mini"
    assert {name: getattr(record, name) for name in TOKENS} == tokens


@pytest.mark.parametrize(
    "columns",
    [
        {"ended_at": None, "duration_ms": None},
        {"time_to_agent_ms": None},
        {"duration_ms": 0},
        {"ended_at": NOW},
    ],
    ids=["goes on", "reached nobody", "lasted nothing", "has just ended"],
)
async def test_a_call_that_is_not_billed(session: AsyncSession, columns: dict[str, Any]) -> None:
    ours = await add_billed(session, await add_plan(session))
    await add_call(session, ours, datetime(2026, 11, 3, 19, tzinfo=UTC), **columns)
    await session.execute(*rate_calls(ours, now=NOW))
    assert await records(session, ours) == []


@pytest.mark.parametrize(
    ("started_at", "zone"),
    [
        ("2026-10-31T22:59:30+00:00", "Europe/Paris"),
        ("2026-10-31T23:00:00+00:00", "Europe/Paris"),
        ("2026-10-25T00:30:00+00:00", "Europe/Paris"),
        ("2026-10-25T01:30:00+00:00", "Europe/Paris"),
        ("2026-10-31T19:59:59+00:00", "Indian/Reunion"),
        ("2026-10-31T20:00:00+00:00", "Indian/Reunion"),
        ("2026-11-01T03:59:59+00:00", "America/Martinique"),
    ],
)
async def test_a_call_over_midnight_counts_once_in_the_month_it_began(
    session: AsyncSession, started_at: str, zone: str
) -> None:
    """Postgres and Python agree on the month, on both sides of a clock change."""
    ours = await add_billed(session, await add_plan(session), timezone=zone)
    began = datetime.fromisoformat(started_at)
    await add_call(session, ours, began, seconds=600)
    for month in (10, 11):
        await session.execute(*rate_calls(ours, now=datetime(2026, month, 28, tzinfo=UTC)))
    (record,) = await records(session, ours)
    assert record.month == month_of(began, zone)


async def test_a_call_has_the_plan_of_its_month(session: AsyncSession) -> None:
    first = await add_plan(session)
    second = await add_plan(session, version=2, minute_micros=200_000)
    ours = await add_billed(session, first)
    session.add(Subscription(restaurant_id=ours, from_month=NOVEMBER, plan_id=second.id))
    session.add(Subscription(restaurant_id=ours, from_month=date(2026, 12, 1), plan_id=None))
    for began in ("2026-10-31T22:59:00", "2026-10-31T23:01:00", "2026-11-30T23:01:00"):
        await add_call(session, ours, datetime.fromisoformat(began).replace(tzinfo=UTC), seconds=60)
    await session.execute(*rate_calls(ours, now=datetime(2026, 12, 5, tzinfo=UTC)))
    rated = [(r.plan_id, r.micros) for r in await records(session, ours)]
    assert rated == [(first.id, 150_000), (second.id, 200_000)]


async def test_numbers_are_rated_once_a_month(session: AsyncSession) -> None:
    ours = await add_billed(session, await add_plan(session), numbers=2, timezone="Indian/Reunion")
    for _ in range(2):
        await session.execute(*rate_numbers(ours, NOVEMBER))
    found = await records(session, ours)
    assert [(r.kind, r.source, r.micros) for r in found] == [
        ("number", "2026-11/1", 2_000_000),
        ("number", "2026-11/2", 2_000_000),
    ]
    assert {r.at for r in found} == {datetime(2026, 10, 31, 20, tzinfo=UTC)}


async def test_two_who_rate_at_once_write_one_record(database: AsyncEngine) -> None:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        ours = await add_billed(session, await add_plan(session))
        for day in range(1, 21):
            await add_call(session, ours, datetime(2026, 11, day, 19, tzinfo=UTC))

    async def rate() -> None:
        async with sessions.begin() as session:
            await session.execute(*rate_calls(ours, now=NOW))

    await asyncio.gather(*(rate() for _ in range(4)))
    async with sessions() as session:
        assert len(await records(session, ours)) == 20


@pytest.fixture
def controller(database_url: str) -> Iterator[Engine]:
    """Under the controller's own role: what it may not do fails here."""
    engine = sync_engine(
        database_url, application_name="test", role=DatabaseRole.CONTROLLER, pool_size=1
    )
    yield engine
    engine.dispose()


async def test_a_restaurant_that_cannot_be_rated_stops_no_other(
    database: AsyncEngine, controller: Engine
) -> None:
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        plan = await add_plan(session)
        broken, *others = sorted([await add_billed(session, plan) for _ in range(3)])
        for restaurant_id in (broken, *others):
            await add_call(session, restaurant_id, datetime(2026, 11, 3, 19, tzinfo=UTC))
        restaurant = await session.get_one(Restaurant, broken)
        restaurant.timezone = "Europe/Atlantis"
    before = metrics.RATINGS_FAILED._value.get()
    with capture_logs() as logs:
        rate_usage(controller)
    assert metrics.RATINGS_FAILED._value.get() == before + 1
    assert [log["restaurant_id"] for log in logs] == [str(broken)]
    async with sessions() as session:
        rated = await session.scalars(select(UsageRecord.restaurant_id))
        assert sorted(rated) == others


async def test_what_is_rated_is_looked_at_no_more_and_what_comes_late_is_found(
    session: AsyncSession,
) -> None:
    """In the index of what is not rated are the new call and one that is half a year late."""
    ours = await add_billed(session, await add_plan(session))
    for day in (3, 4):
        await add_call(session, ours, datetime(2026, 11, day, 19, tzinfo=UTC))
    statement, values = rate_calls(ours, now=NOW, most=1)
    rated = [(await session.execute(statement, values)).rowcount for _ in range(3)]  # type: ignore[attr-defined]
    assert rated == [1, 1, 0]
    await add_call(session, ours, datetime(2026, 5, 3, 19, tzinfo=UTC))
    await session.execute(*rate_calls(ours, now=NOW))
    assert [r.month.month for r in await records(session, ours)] == [5, 11, 11]
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    for (rate, given), index in (
        (rate_calls(ours, now=NOW), "ix_call_unrated"),
        (rate_sms(ours), "ix_notification_unrated"),
    ):
        plan = await session.scalars(text(f"EXPLAIN {rate.text}"), given)
        assert index in "".join(plan)


async def test_calls_and_sms_are_rated_before_they_are_deleted_and_the_record_stays(
    database: AsyncEngine, controller: Engine
) -> None:
    """Also after an outage of more than the time a restaurant keeps them."""
    sessions = async_sessions(database)
    async with sessions.begin() as session:
        ours = await add_billed(session, await add_plan(session))
        await session.execute(
            text("UPDATE restaurant SET keep_calls_months = 1, keep_transcripts_days = 1")
        )
        began = await session.scalar(text("SELECT now() - interval '32 days'"))
        assert isinstance(began, datetime)
        await add_call(session, ours, began)
        await add_sms(session, ours, began)
    rate_and_prune(controller)
    async with sessions() as session:
        assert await session.scalar(select(Call.id)) is None
        assert await session.scalar(select(Notification.id)) is None
        assert [r.kind for r in await records(session, ours)] == ["call", "sms"]


@pytest.mark.parametrize("statement", ["UPDATE usage_record SET micros = 0", "DELETE FROM plan"])
async def test_what_was_rated_is_changed_by_nobody(session: AsyncSession, statement: str) -> None:
    ours = await add_billed(session, await add_plan(session))
    await session.execute(*rate_numbers(ours, NOVEMBER))
    await add_call(session, ours, datetime(2026, 11, 3, 19, tzinfo=UTC))
    await session.execute(*rate_calls(ours, now=NOW))
    with pytest.raises(IntegrityError, match="append-only"):
        await session.execute(text(statement))


async def test_a_price_changes_by_a_new_version_alone(session: AsyncSession) -> None:
    plan = await add_plan(session)
    with pytest.raises(IntegrityError, match="append-only"):
        await session.execute(update(type(plan)).values(minute_micros=1))
