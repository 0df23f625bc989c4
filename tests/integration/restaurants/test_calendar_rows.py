"""A restaurant's calendar in Postgres is read whole, kept by its migration, told by its kitchen."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import Busy, BusyLevel, HolidayHours, OpeningKind
from controlplane.database import async_sessions, libpq_url
from controlplane.local.demo.restaurant import DEMO_RESTAURANT_ID
from controlplane.migrations import schema
from controlplane.models.opening_exception import OpeningException
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.busy import set_busy
from controlplane.restaurants.errors import OrdersPaused
from controlplane.restaurants.opening_hours import read_calendar
from controlplane.restaurants.place_order import Sessions, place_order
from controlplane.restaurants.what_happens import what_happens
from tests.integration.order_drafts import draft

pytestmark = pytest.mark.integration

ELSEWHERE = UUID(int=7)
A_RESTAURANT = (
    "INSERT INTO restaurant (id, slug, name, spoken_name, address, timezone, phone_e164, status,"
    " preparation_minutes, voice, realtime_model) VALUES (%s, %s, '', '', '', 'Europe/Paris',"
    " '+33199001235', 'live', 20, '', '')"
)
NOON = datetime(2026, 11, 27, 11, tzinfo=UTC)


@pytest.fixture
def sessions(seeded: str, database: AsyncEngine) -> Sessions:
    with psycopg.connect(libpq_url(seeded)) as connection:
        connection.execute(A_RESTAURANT, [ELSEWHERE, "elsewhere"])
    return async_sessions(database)


async def restaurant(sessions: Sessions, restaurant_id: UUID) -> Restaurant:
    async with sessions() as session:
        found = await session.get(Restaurant, restaurant_id)
        assert found is not None
        return found


async def test_another_tenant_sees_nothing(sessions: Sessions) -> None:
    elsewhere = await restaurant(sessions, ELSEWHERE)
    async with sessions.begin() as session:
        session.add(OpeningException(restaurant_id=DEMO_RESTAURANT_ID, date=NOON.date()))
        await set_busy(session, DEMO_RESTAURANT_ID, Busy(level=BusyLevel.PAUSED), actor="admin")
        calendar = await read_calendar(session, elsewhere, NOON)
    assert (calendar.week, calendar.exceptions, calendar.busy) == ((), (), Busy())


async def test_a_range_that_began_long_ago_is_read_with_its_kinds_and_words(
    sessions: Sessions,
) -> None:
    async with sessions.begin() as session:
        session.add(
            OpeningException(
                restaurant_id=DEMO_RESTAURANT_ID,
                date=NOON.date() - timedelta(100),
                last_date=NOON.date() + timedelta(1),
                kinds=["pickup"],
                label="Travaux",
                spoken="Nous sommes en travaux.",
            )
        )
        demo = await session.get_one(Restaurant, DEMO_RESTAURANT_ID)
        demo.holiday_hours = HolidayHours.CLOSED
        demo.alsace_moselle = True
        calendar = await read_calendar(session, demo, NOON)
    answer = what_happens(calendar, OpeningKind.PICKUP, NOON)
    assert answer.rule.id == "exception:pickup:2026-11-27"
    assert (answer.spoken, answer.following.at) == (
        "Nous sommes en travaux.",
        datetime(2026, 11, 28, 23, tzinfo=UTC),
    )
    saint_stephen = datetime(2026, 12, 26, 12, tzinfo=UTC)
    assert what_happens(calendar, OpeningKind.PICKUP, saint_stephen).rule.id == "holiday:2026-12-26"


@pytest.mark.parametrize(
    "values",
    ["kinds = '{lunch}'", "last_date = '2026-11-26'", "opens = '12:00'"],
)
async def test_an_exception_that_means_nothing_is_refused(sessions: Sessions, values: str) -> None:
    async with sessions() as session:
        session.add(OpeningException(restaurant_id=DEMO_RESTAURANT_ID, date=NOON.date()))
        await session.flush()
        with pytest.raises(IntegrityError):
            await session.execute(text(f"UPDATE opening_exception SET {values}"))


async def test_a_kitchen_that_pauses_takes_no_order_and_one_that_is_busy_a_later_one(
    sessions: Sessions,
) -> None:
    async def say(busy: Busy) -> None:
        async with sessions.begin() as session:
            await set_busy(session, DEMO_RESTAURANT_ID, busy, actor="admin")

    now = datetime.now(UTC)
    pause_ends = now + timedelta(minutes=30)
    await say(Busy(level=BusyLevel.PAUSED, until=pause_ends, by="Karim"))
    with pytest.raises(OrdersPaused) as refused:
        await place_order(sessions, draft())
    assert refused.value.following.at == pause_ends
    await say(Busy(level=BusyLevel.BUSY, delay_minutes=25))
    order = await place_order(sessions, draft())
    assert timedelta(minutes=44) < order.ready_at_local - now < timedelta(minutes=46)
    await say(Busy(level=BusyLevel.PAUSED, until=now - timedelta(seconds=1)))
    assert (await place_order(sessions, draft())).number == order.number + 1


def test_the_migration_keeps_what_the_hours_meant_and_can_be_taken_back(
    empty_database_url: str,
) -> None:
    schema.upgrade(empty_database_url, revision="0017")
    url, seasonal = libpq_url(empty_database_url), UUID(int=8)
    with psycopg.connect(url) as connection:
        for restaurant_id, slug in ((ELSEWHERE, "weekly"), (seasonal, "seasonal")):
            connection.execute(A_RESTAURANT, [restaurant_id, slug])
            connection.execute(
                "INSERT INTO opening_exception (id, restaurant_id, date, opens, closes)"
                " VALUES (%s, %s, '2026-12-31', '19:00', '03:00')",
                [new_id(), restaurant_id],
            )
        connection.execute(
            "INSERT INTO opening_rule (id, restaurant_id, weekday, opens, closes)"
            " VALUES (%s, %s, 4, '18:30', '00:30')",
            [new_id(), ELSEWHERE],
        )
    for _ in range(2):
        schema.upgrade(empty_database_url, revision="0018")
        with psycopg.connect(url) as connection:
            assert connection.execute(
                "SELECT kind, weekday, opens, closes FROM opening_rule ORDER BY kind"
            ).fetchall() == [(kind, 4, time(18, 30), time(0, 30)) for kind in ("on_site", "pickup")]
            assert connection.execute(
                "SELECT kinds FROM opening_exception ORDER BY restaurant_id"
            ).fetchall() == [([],), (["on_site", "pickup"],)]
            connection.execute(
                "INSERT INTO opening_exception (id, restaurant_id, date, last_date, kinds) VALUES"
                " (%(a)s, %(r)s, '2027-08-01', '2027-08-03', '{}'),"
                " (%(b)s, %(r)s, '2027-09-01', NULL, '{delivery}')",
                {"r": ELSEWHERE, "a": new_id(), "b": new_id()},
            )
        schema.downgrade(empty_database_url, revision="0017")
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM opening_rule").fetchone() == (1,)
            closed = connection.execute(
                "DELETE FROM opening_exception WHERE opens IS NULL RETURNING date"
            ).fetchall()
            assert sorted(closed) == [(date(2027, 8, day),) for day in (1, 2, 3)]
