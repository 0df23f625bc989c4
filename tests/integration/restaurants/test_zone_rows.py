"""A restaurant's delivery zones are stored as they are, in their order, and seen by it alone."""

import pytest
from sqlalchemy import Update, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from controlplane.database import async_sessions
from controlplane.models.delivery_zone import DeliveryZone
from controlplane.restaurants.zone_rows import read_zones, write_zones
from tests.integration.kitchen_orders import add_restaurant
from tests.unit.restaurants.test_delivery_zones import AROUND, SECOND, SQUARE, zone

pytestmark = pytest.mark.integration

ZONES = (zone("Proche", SQUARE), zone("Presqu'île", SECOND), zone("Large", AROUND))


@pytest.fixture
def sessions(database: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    return async_sessions(database)


async def test_another_tenant_sees_nothing(sessions: async_sessionmaker[AsyncSession]) -> None:
    async with sessions.begin() as session:
        ours, theirs = await add_restaurant(session), await add_restaurant(session)
        await write_zones(session, ours, ZONES)
        await write_zones(session, theirs, [])
    async with sessions() as session:
        assert (await read_zones(session, theirs), await read_zones(session, ours)) == ((), ZONES)


async def test_they_are_replaced_as_a_whole(sessions: async_sessionmaker[AsyncSession]) -> None:
    async with sessions.begin() as session:
        ours = await add_restaurant(session)
        for zones in (ZONES, ZONES[::-1], ZONES[:1]):
            await write_zones(session, ours, zones)
            assert await read_zones(session, ours) == zones


@pytest.mark.parametrize(
    "change",
    [
        {"postcodes": ["69001"]},
        {"outline": None},
        {"kind": "circle"},
        {"kind": "square"},
        {"latitude": 45.0},
        {"fee_cents": -1},
        {"minimum_cents": -1},
        {"delay_minutes": 241},
    ],
)
async def test_the_database_takes_no_zone_of_another_shape(
    sessions: async_sessionmaker[AsyncSession], change: dict[str, object]
) -> None:
    async with sessions.begin() as session:
        await write_zones(session, await add_restaurant(session), ZONES[:1])
    with pytest.raises(IntegrityError):
        await commit(sessions, update(DeliveryZone).values(change))


async def commit(sessions: async_sessionmaker[AsyncSession], statement: Update) -> None:
    async with sessions.begin() as session:
        await session.execute(statement)
