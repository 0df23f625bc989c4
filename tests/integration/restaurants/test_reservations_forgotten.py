"""A guest who asks to be forgotten is: of their reservations only how many came is left."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.database import async_engine, async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.models.reservation import Reservation, ReservationSource
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.certify_erasure import erase_and_certify
from controlplane.restaurants.erase_caller import TO_COME
from controlplane.restaurants.export_caller import export_caller
from tests.accounts import SECRETS
from tests.integration.restaurants.dining_site import CAMILLE, Site, open_site

pytestmark = pytest.mark.integration

NUMBER = str(CAMILLE.phone_e164)


async def erase(site: Site) -> tuple[list[tuple[str, int, int, str]], list[bool]]:
    """Return what the report says of each table, and whether each certificate is clean."""
    async with site.sessions.begin() as session:
        restaurant = await session.get_one(Restaurant, site.restaurant_id)
        done = await erase_and_certify(session, SECRETS, [restaurant], NUMBER)
        parts = [(one.table, one.erased, one.kept, one.why) for one in done.erased.parts]
        return parts, [one.clean for one in done.certificates]


async def test_another_tenant_sees_nothing_and_a_guest_is_forgotten_once_they_came(
    database: AsyncEngine, database_url: str
) -> None:
    """1 A table is to come: it is kept, and so said. 2 It is over: nobody knows whose it was. The
    other restaurant's guest of the same number stays.
    """
    admin = async_engine(database_url, application_name="test", role=DatabaseRole.ADMIN)
    site = await open_site(async_sessions(database))
    other = await open_site(async_sessions(database))
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for one in (site, other):
        await one.book(tomorrow, source=ReservationSource.STAFF, by_staff=True)
    asked = Site(async_sessions(admin), site.restaurant_id, site.room)
    parts, clean = await erase(asked)
    assert (parts, clean) == (
        [("notification", 1, 0, ""), ("reservation", 0, 1, TO_COME)],
        [False],
    )
    async with site.session() as session:
        await session.execute(
            update(Reservation)
            .where(Reservation.restaurant_id == site.restaurant_id)
            .values(status="finished", note="anniversaire", allergy_note="arachides")
        )
    parts, clean = await erase(asked)
    assert (parts, clean) == ([("reservation", 1, 0, "")], [True])
    assert await erase(asked) == ([], [])
    await admin.dispose()
    async with site.sessions() as session:
        rows = await session.execute(
            select(Reservation.customer_name, Reservation.note, Reservation.allergy_note)
        )
        assert sorted(map(tuple, rows), key=str) == [("Camille Roux", "", ""), (None, "", "")]


async def test_what_is_known_of_a_guest_is_exported_with_its_tables(
    database: AsyncEngine,
) -> None:
    site = await open_site(async_sessions(database))
    walk_in = ReservationSource.WALK_IN
    await site.book(datetime.now(UTC), source=walk_in, by_staff=True)
    async with site.sessions() as session:
        restaurant = await session.get_one(Restaurant, site.restaurant_id)
        known = await export_caller(session, restaurant, NUMBER)
    assert known.keys() == {"reservation", "reservation_event", "table_assignment"}
