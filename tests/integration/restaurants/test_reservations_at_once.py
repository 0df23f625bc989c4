"""Many callers at once, each on a connection of its own, never get one table or one chair twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.database import async_engine, async_sessions
from controlplane.local.bench.last_table import LastTable, last_table_bookings
from controlplane.local.bench.slot_overruns import CROWD_WAITS_MS
from controlplane.models.reservation import ReservationSource
from controlplane.restaurants.reservation_errors import NotGranted, ReservationStatusRefused
from controlplane.restaurants.reservation_request import HOLD_FOR
from controlplane.restaurants.reservation_rules import Rule
from controlplane.restaurants.reservation_status import cancel, confirm_hold
from controlplane.restaurants.reservation_waitlist import promote
from controlplane.restaurants.reservations import book, change, move
from tests.integration.restaurants.dining_site import CAMILLE, NOW, Site, at, open_site, request

pytestmark = pytest.mark.integration

CALLERS = 16

Work = Callable[[AsyncSession], Awaitable[object]]


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = async_engine(
        database_url, application_name="test", pool_size=CALLERS, lock_timeout_ms=CROWD_WAITS_MS
    )
    yield engine
    await engine.dispose()


async def at_once(site: Site, works: Sequence[Work]) -> Counter[str]:
    """Let all of them work at the same time; how many were granted, or refused by which rule."""
    start = asyncio.Barrier(len(works))

    async def attempt(work: Work) -> str:
        try:
            async with site.session() as session:
                await session.connection()
                await start.wait()
                await work(session)
        except NotGranted as refused:
            return refused.refusal.rule
        except ReservationStatusRefused as refused:
            return refused.current
        return "granted"

    return Counter(await asyncio.gather(*(attempt(work) for work in works)))


def booking(site: Site, starts_at: datetime, party: int = 2, key: str = "") -> Work:
    wish = request(starts_at, party, key=key)
    return lambda session: book(session, site.restaurant_id, wish, NOW)


async def overlaps(engine: AsyncEngine) -> int:
    """How many pairs of active assignments give one table twice: what Postgres forbids, asked."""
    async with engine.connect() as connection:
        found = await connection.scalar(
            text(
                "SELECT count(*) FROM table_assignment a JOIN table_assignment b"
                " ON a.id < b.id AND a.table_id = b.table_id AND a.during && b.during"
                " WHERE a.active AND b.active"
            )
        )
    return found or 0


async def test_another_tenant_sees_nothing(engine: AsyncEngine) -> None:
    """Two restaurants' callers neither wait for each other nor take each other's table."""
    sessions = async_sessions(engine)
    one, other = await open_site(sessions), await open_site(sessions)
    async with one.session() as session:
        await book(session, one.restaurant_id, request(at(20)), NOW)  # its lock is held
        async with asyncio.timeout(10):  # before Postgres ends the idle transaction
            await other.book(at(20))


async def test_the_last_table_is_booked_once_and_the_others_hear_alternatives(
    database_url: str,
) -> None:
    """It is a combination: each of its two tables is taken with it."""
    assert await last_table_bookings(database_url, callers=CALLERS) == LastTable(
        bookings=1, with_alternatives=CALLERS - 1, without_alternatives=0
    )


async def test_a_combination_and_its_tables_are_not_both_given(engine: AsyncEngine) -> None:
    site = await open_site(
        async_sessions(engine), tables=((2, 4), (2, 4)), combinations={(0, 1): (5, 8)}
    )
    parties = [6, 3, 6, 3, 6, 3, 6, 3]
    told = await at_once(site, [booking(site, at(20), party) for party in parties])
    assert told.keys() == {"granted", Rule.NO_TABLE}
    assert told["granted"] in (1, 2)
    assert await overlaps(engine) == 0


async def test_covers_of_a_slot_are_never_exceeded(engine: AsyncEngine) -> None:
    """There are tables enough, and no row that two callers could collide on."""
    site = await open_site(async_sessions(engine), tables=((1, 2),) * CALLERS, max_covers_a_slot=6)
    told = await at_once(site, [booking(site, at(20)) for _ in range(CALLERS)])
    assert told == {"granted": 3, Rule.COVERS_A_SLOT: CALLERS - 3}


async def test_a_request_retried_at_once_is_one_booking(engine: AsyncEngine) -> None:
    site = await open_site(async_sessions(engine), tables=((1, 2),) * 8)
    key = str(new_id())
    assert await at_once(site, [booking(site, at(20), key=key)] * 8) == {"granted": 8}
    assert (await site.book(at(20))).number == 2


async def test_every_path_to_a_table_meets_the_same_rules(engine: AsyncEngine) -> None:
    """Guests who book, who change their time, who wait, who walk in, and the staff who move a party
    all want the one table from 20:00 to 21:30: one of them has it.
    """
    site = await open_site(async_sessions(engine), tables=((1, 2), (1, 2), (1, 2)))
    mine, last = site.restaurant_id, site.room.table_ids[2]
    early, late = await site.book(at(18)), await site.book(at(22))
    neighbour, cancelled = await site.book(at(20)), await site.book(at(20))
    blocked = await site.book(at(20), table_ids=frozenset({last}), by_staff=True)
    waiting = await site.book(at(20), or_wait=True)
    async with site.session() as session:
        for one in (cancelled, blocked):
            await cancel(session, mine, one.id, NOW, actor="g")
        await book(session, mine, request(at(20)), NOW)
    walk_in = request(at(20), source=ReservationSource.WALK_IN, by_staff=True)
    works: list[Work] = [
        booking(site, at(20)),
        lambda session: change(session, mine, early.id, NOW, actor="g", starts_at=at(20, 30)),
        lambda session: change(session, mine, late.id, NOW, actor="g", starts_at=at(20, 30)),
        lambda session: promote(session, mine, waiting.id, NOW, actor="s"),
        lambda session: book(session, mine, walk_in, at(20)),
    ]
    told = await at_once(site, works)
    assert told == {"granted": 1, Rule.NO_TABLE: len(works) - 1}
    async with site.session() as session:
        with pytest.raises(NotGranted):
            await move(session, mine, neighbour.id, frozenset({last}), NOW, actor="s")
    assert await overlaps(engine) == 0


async def test_a_hold_is_confirmed_or_its_table_given_away_never_both(engine: AsyncEngine) -> None:
    """It is confirmed in its last moment, while others ask at its end for its table."""
    site = await open_site(async_sessions(engine), tables=((1, 2),))
    held = await site.book(at(20), hold=True)
    mine, end = site.restaurant_id, NOW + HOLD_FOR
    works: list[Work] = [lambda session: book(session, mine, request(at(20)), end)] * 6
    told = await at_once(
        site, [*works, lambda session: confirm_hold(session, mine, held.id, CAMILLE, NOW, actor="")]
    )
    assert told["granted"] == 1
    assert await overlaps(engine) == 0
