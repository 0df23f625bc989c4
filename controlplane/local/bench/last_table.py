"""Callers ask at the same instant for the last table of an evening: one gets it, the others hear
when else they could come.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.database import async_engine, async_sessions
from controlplane.local.bench.slot_overruns import CROWD_WAITS_MS
from controlplane.local.demo.dining_room import add_dining_room
from controlplane.models.reservation import ReservationSource
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.reservation_errors import NotGranted
from controlplane.restaurants.reservation_request import Guest, Request
from controlplane.restaurants.reservation_rules import Wish
from controlplane.restaurants.reservations import book
from controlplane.tenancy import restaurant_session

CALLERS: Final = 50
PARTY: Final = 6
_ZONE: Final = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class LastTable:
    """How many callers got the table, and how many of the others were told another time."""

    bookings: int
    with_alternatives: int
    without_alternatives: int


async def last_table_bookings(database_url: str, *, callers: int = CALLERS) -> LastTable:
    """Let so many callers, each on a connection of its own, book 20:00 tomorrow.

    Two tables for four make the one combination for six, so that each caller wants both.
    """
    engine = async_engine(
        database_url, application_name="bench", pool_size=callers, lock_timeout_ms=CROWD_WAITS_MS
    )
    try:
        sessions = async_sessions(engine)
        restaurant_id = await _add_restaurant(sessions)
        start = asyncio.Barrier(callers)
        answers = await asyncio.gather(
            *(_call(sessions, restaurant_id, start, key=f"caller {one}") for one in range(callers))
        )
    finally:
        await engine.dispose()
    return LastTable(
        bookings=answers.count(None),
        with_alternatives=sum(bool(answer) for answer in answers),
        without_alternatives=answers.count(()),
    )


async def _call(
    sessions: async_sessionmaker[AsyncSession],
    restaurant_id: UUID,
    start: asyncio.Barrier,
    *,
    key: str,
) -> tuple[datetime, ...] | None:
    """Book, once everybody is connected: None, or the alternatives of who came too late."""
    now = datetime.now(UTC)
    tomorrow = now.astimezone(ZoneInfo(_ZONE)).date() + timedelta(days=1)
    request = Request(
        key=key,
        wish=Wish(party=PARTY, starts_at=datetime.combine(tomorrow, time(20), ZoneInfo(_ZONE))),
        guest=Guest(name=key),
        source=ReservationSource.VOICE,
        actor="bench",
    )
    async with restaurant_session(sessions, restaurant_id) as session:
        await session.connection()
        await start.wait()
        try:
            await book(session, restaurant_id, request, now)
        except NotGranted as refused:
            return refused.alternatives
        await session.commit()
        return None


async def _add_restaurant(sessions: async_sessionmaker[AsyncSession]) -> UUID:
    restaurant_id = new_id()
    async with restaurant_session(sessions, restaurant_id) as session:
        session.add(
            Restaurant(
                id=restaurant_id,
                slug=f"last-table-{restaurant_id}",
                name="Le dernier couvert",
                spoken_name="Le dernier couvert",
                address="1 rue du Four, 69001 Lyon",
                timezone=_ZONE,
                phone_e164="+33199001111",
                status=RestaurantStatus.LIVE,
            )
        )
        await session.flush()
        await add_dining_room(
            session, restaurant_id, tables=((2, 4), (2, 4)), combinations={(0, 1): (5, 8)}
        )
        await session.commit()
    return restaurant_id
