"""A restaurant with a dining room on the real Postgres, and shorter ways to ask it for tables."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts.identifiers import new_id
from controlplane.local.demo.dining_room import DiningRoom, add_dining_room
from controlplane.models.reservation import Reservation, ReservationEvent, ReservationSource
from controlplane.models.table_assignment import TableAssignment
from controlplane.restaurants.reservation_request import Guest, Request
from controlplane.restaurants.reservation_rules import Wish
from controlplane.restaurants.reservations import book
from controlplane.tenancy import restaurant_session
from tests.integration.kitchen_orders import add_restaurant

Sessions = async_sessionmaker[AsyncSession]

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
CAMILLE = Guest(name="Camille Roux", phone_e164="+33639980134")


def at(hour: int, minute: int = 0, *, day: int = 27) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=PARIS).astimezone(UTC)


@dataclass(frozen=True)
class Site:
    """One restaurant, whose sessions see nothing else."""

    sessions: Sessions
    restaurant_id: UUID
    room: DiningRoom

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Commit at the end, as who calls the rules does."""
        async with restaurant_session(self.sessions, self.restaurant_id) as session:
            yield session
            await session.commit()

    async def book(self, starts_at: datetime, party: int = 2, **values: Any) -> Reservation:
        async with self.session() as session:
            return await book(session, self.restaurant_id, request(starts_at, party, **values), NOW)

    async def state(self, reservation_id: UUID) -> tuple[str, set[UUID], list[str]]:
        """Return a reservation's status, the tables it has, and the statuses it came through."""
        async with self.session() as session:
            row = await session.get_one(Reservation, reservation_id)
            tables = await session.scalars(
                select(TableAssignment.table_id).where(
                    TableAssignment.reservation_id == reservation_id, TableAssignment.active
                )
            )
            events = await session.scalars(
                select(ReservationEvent.to_status)
                .where(ReservationEvent.reservation_id == reservation_id)
                .order_by(ReservationEvent.id)
            )
            return row.status, set(tables), list(events)


async def open_site(sessions: Sessions, **room: Any) -> Site:
    async with sessions.begin() as session:
        restaurant_id = await add_restaurant(session)
        return Site(sessions, restaurant_id, await add_dining_room(session, restaurant_id, **room))


def request(
    starts_at: datetime,
    party: int = 2,
    *,
    key: str = "",
    guest: Guest = CAMILLE,
    source: ReservationSource = ReservationSource.VOICE,
    hold: bool = False,
    or_wait: bool = False,
    **wish: Any,
) -> Request:
    return Request(
        key=key or str(new_id()),
        wish=Wish(party=party, starts_at=starts_at, **wish),
        guest=guest,
        source=source,
        actor="test",
        hold=hold,
        or_wait=or_wait,
    )
