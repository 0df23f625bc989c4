"""Whatever is done in whatever order, no table is given twice and covers are never exceeded."""

from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from controlplane.database import async_sessions
from controlplane.models.reservation import (
    COUNTED,
    HAS_TABLE,
    Reservation,
    ReservationSource,
    ReservationStatus,
)
from controlplane.models.table_assignment import TableAssignment
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.reservation_status import cancel, confirm_hold, tell_status
from controlplane.restaurants.reservation_waitlist import promote
from controlplane.restaurants.reservations import book, change, move
from tests.integration.restaurants.dining_site import CAMILLE, NOW, Site, at, open_site, request

pytestmark = pytest.mark.integration

A_SLOT, IN_ALL = 8, 14
SLOT = timedelta(minutes=15)
DONE = [ReservationStatus.SEATED, ReservationStatus.FINISHED, ReservationStatus.NO_SHOW]


@dataclass(frozen=True)
class Step:
    """One thing that somebody does; what does not matter to it is not looked at."""

    deed: str
    which: int
    """It is done to this reservation, modulo how many there are."""
    party: int
    quarter: int
    """The wished time is so many quarters of an hour after 18:00."""
    table: int
    minutes: int
    """So much time passes before it."""


STEPS = st.builds(
    Step,
    deed=st.sampled_from(
        "book book hold wait walk_in confirm change move promote cancel seat finish miss".split()
    ),
    which=st.integers(0, 5),
    party=st.integers(1, 8),
    quarter=st.integers(0, 6),
    table=st.integers(0, 2),
    minutes=st.sampled_from([0, 0, 3, 6]),
)


@dataclass
class Evening:
    """A restaurant to which steps are done, and what is always true of it."""

    site: Site
    now: datetime = NOW
    made: list[Reservation] = field(default_factory=list)

    async def do(self, step: Step) -> None:
        self.now += timedelta(minutes=step.minutes)
        try:
            async with self.site.session() as session:
                done = await self._deed(session, step)
        except Refused:
            return
        if done.id not in {one.id for one in self.made}:
            self.made.append(done)

    def _deed(self, session: AsyncSession, step: Step) -> Awaitable[Reservation]:
        mine, now, starts_at = self.site.restaurant_id, self.now, at(18) + step.quarter * SLOT
        if step.deed in ("book", "hold", "wait", "walk_in") or not self.made:
            walks_in = step.deed == "walk_in"
            asked = request(
                starts_at + timedelta(minutes=7 * walks_in),
                step.party,
                hold=step.deed == "hold",
                or_wait=step.deed == "wait",
                by_staff=walks_in,
                source=ReservationSource.WALK_IN if walks_in else ReservationSource.VOICE,
            )
            return book(session, mine, asked, now)
        one = self.made[step.which % len(self.made)].id
        tables = frozenset({self.site.room.table_ids[step.table]})
        match step.deed:
            case "confirm":
                return confirm_hold(session, mine, one, CAMILLE, now, actor="")
            case "change":
                wish = {"party": step.party, "starts_at": starts_at}
                return change(session, mine, one, now, actor="", **wish)  # type: ignore[arg-type]
            case "move":
                return move(session, mine, one, tables, now, actor="")
            case "promote":
                return promote(session, mine, one, now, actor="")
            case "cancel":
                return cancel(session, mine, one, now, actor="", by_staff=True)
            case _:
                to = dict(zip(("seat", "finish", "miss"), DONE, strict=True))[step.deed]
                return tell_status(session, mine, one, to, at(23), actor="")

    async def check(self) -> None:
        async with self.site.session() as session:
            rows = (await session.scalars(select(Reservation))).all()
            active = (
                await session.scalars(select(TableAssignment).where(TableAssignment.active))
            ).all()
            overlaps = await session.scalar(
                text(
                    "SELECT count(*) FROM table_assignment a JOIN table_assignment b"
                    " ON a.id < b.id AND a.table_id = b.table_id AND a.during && b.during"
                    " WHERE a.active AND b.active"
                )
            )
        mine = {row.id: row for row in rows if row.restaurant_id == self.site.restaurant_id}
        slots: Counter[datetime] = Counter()
        for row in mine.values():
            lives = row.hold_expires_at is None or row.hold_expires_at > self.now
            if row.status in COUNTED and lives:
                slots[row.starts_at - (row.starts_at - at(18)) % SLOT] += row.party
        assert overlaps == 0
        assert max(slots.values(), default=0) <= A_SLOT
        assert slots.total() <= IN_ALL
        given = [one for one in active if one.reservation_id in mine]
        for one in given:
            row = mine[one.reservation_id]
            assert (one.during.lower, one.during.upper) == (row.starts_at, row.ends_at)
        having = {row.id for row in mine.values() if row.status in HAS_TABLE}
        assert {one.reservation_id for one in given} == having


async def test_another_tenant_sees_nothing(database: AsyncEngine) -> None:
    """Two restaurants' evenings do not meet: a full one leaves the other as it was."""
    sessions = async_sessions(database)
    full, empty = await open_site(sessions, tables=((1, 2),)), await open_site(sessions)
    evening = Evening(full)
    for _ in range(2):
        await evening.do(Step("book", 0, 2, 0, 0, 0))
    assert len(evening.made) == 1
    other = Evening(empty)
    await other.do(Step("book", 0, 2, 0, 0, 0))
    assert len(other.made) == 1


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=14))
async def test_no_sequence_gives_a_table_twice_or_exceeds_covers(
    database: AsyncEngine, steps: list[Step]
) -> None:
    site = await open_site(
        async_sessions(database),
        tables=((1, 2), (2, 4), (2, 4)),
        combinations={(1, 2): (5, 8)},
        max_covers_a_slot=A_SLOT,
        max_covers=IN_ALL,
        turns={4: 60, 8: 90},
    )
    evening = Evening(site)
    for step in steps:
        await evening.do(step)
        await evening.check()
