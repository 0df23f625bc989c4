"""Callers order at the same instant for one slot: it never takes more than its rule allows."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import OpeningKind
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.database import async_engine, async_sessions
from controlplane.models.pacing import PacingRule, PacingUnit, SlotCounter
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import SlotFull
from controlplane.restaurants.slots import Load, SlotRequest, take_slot
from controlplane.tenancy import restaurant_session

ORDERS: Final = 100
MOST: Final = 12
CROWD_WAITS_MS: Final = 60_000
"""A hundred connections of one process stand in one line, whose last waits longer than a caller
would: what is measured is who gets the slot."""
_SLOT_MINUTES: Final = 15


@dataclass(frozen=True, slots=True)
class SlotRace:
    """How many orders got the slot, of how many it takes, and what its counter says."""

    taken: int
    most: int
    counted: int
    refused_with_a_possibility: int

    @property
    def overruns(self) -> int:
        return max(self.taken, self.counted) - self.most


async def slot_overruns(database_url: str, *, orders: int = ORDERS, most: int = MOST) -> SlotRace:
    """Let so many orders, each on a connection of its own, want the same slot at once."""
    engine = async_engine(
        database_url, application_name="bench", pool_size=orders, lock_timeout_ms=CROWD_WAITS_MS
    )
    try:
        sessions = async_sessions(engine)
        slot = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
        restaurant_id, rule_id = await _add_restaurant(sessions, most)
        start = asyncio.Barrier(orders)
        answers = await asyncio.gather(
            *(_order(sessions, restaurant_id, slot, start) for _ in range(orders))
        )
        async with restaurant_session(sessions, restaurant_id) as session:
            counter = await session.get_one(SlotCounter, (restaurant_id, rule_id, slot))
            counted = counter.used
    finally:
        await engine.dispose()
    refused = [answer for answer in answers if answer is not None]
    return SlotRace(
        taken=answers.count(None),
        most=most,
        counted=counted,
        refused_with_a_possibility=sum(
            refusal.following.at == slot + timedelta(minutes=_SLOT_MINUTES) for refusal in refused
        ),
    )


async def _order(
    sessions: async_sessionmaker[AsyncSession],
    restaurant_id: UUID,
    slot: datetime,
    start: asyncio.Barrier,
) -> SlotFull | None:
    request = SlotRequest(
        restaurant_id=restaurant_id,
        holder_id=new_id(),
        kind=OpeningKind.PICKUP,
        at=slot,
        latest=slot,
        load=Load(orders=1),
    )
    async with restaurant_session(sessions, restaurant_id) as session:
        await session.connection()
        await start.wait()
        try:
            await take_slot(session, request)
        except SlotFull as refusal:
            return refusal
        await session.commit()
        return None


async def _add_restaurant(
    sessions: async_sessionmaker[AsyncSession], most: int
) -> tuple[UUID, UUID]:
    restaurant_id, rule_id = new_id(), new_id()
    async with restaurant_session(sessions, restaurant_id) as session:
        session.add(
            Restaurant(
                id=restaurant_id,
                slug=f"slots-{restaurant_id}",
                name="Cadence",
                spoken_name="Cadence",
                address="1 rue du Banc, Lyon",
                phone_e164="+33199001234",
                status=RestaurantStatus.LIVE,
            )
        )
        await session.flush()
        session.add(
            PacingRule(
                id=rule_id,
                restaurant_id=restaurant_id,
                kinds=[OpeningKind.PICKUP, OpeningKind.DELIVERY],
                slot_minutes=_SLOT_MINUTES,
                unit=PacingUnit.ORDERS,
                most=most,
            )
        )
        await session.commit()
    return restaurant_id, rule_id
