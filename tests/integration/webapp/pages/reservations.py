"""Pages of reservations: an evening of seven parties, of whom one is late and one waits."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from controlplane.contracts.identifiers import new_id
from controlplane.local.demo.dining_room import add_dining_room
from controlplane.models.reservation import Reservation, ReservationSource, ReservationStatus
from controlplane.restaurants.reservation_request import Guest, Request
from controlplane.restaurants.reservation_rules import Wish
from controlplane.restaurants.reservation_status import tell_status
from controlplane.restaurants.reservations import book
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest

PARIS = ZoneInfo("Europe/Paris")
ROOM: dict[str, Any] = {
    "tables": ((1, 2), (1, 2), (2, 4), (2, 4), (3, 6)),
    "combinations": {(2, 3): (5, 8)},
    "max_covers": 24,
    "max_covers_a_slot": 12,
}


async def an_evening(site: SiteUnderTest) -> Names:
    """Seed a service that began two hours ago, so that somebody is late at any hour of the clock;
    once for all pages.
    """
    found = await names_and_ids(site)
    if not found:
        await _seed(site)
        found = await names_and_ids(site)
    return {
        "late": found["Bernard"],
        "to_come": found["Moretti"],
        "waiting": found["Aubert"],
    }


async def names_and_ids(site: SiteUnderTest) -> Names:
    async with site.session() as session:
        rows = await session.execute(select(Reservation.customer_name, Reservation.id))
        return {str(name): str(id) for name, id in rows}


async def _seed(site: SiteUnderTest) -> None:
    now = datetime.now(UTC)
    hour = now.replace(minute=0, second=0, microsecond=0)
    first, last = (hour + timedelta(hours=ahead) for ahead in (-2, 4))
    async with site.sessions.begin() as session:
        await add_dining_room(
            session,
            site.restaurant,
            first_seating=first.astimezone(PARIS).time(),
            last_seating=last.astimezone(PARIS).time(),
            **ROOM,
        )
    seated = await booked(site, hour - timedelta(hours=1), 2, name="Lemoine")
    await booked(site, now - timedelta(minutes=20), 4, name="Bernard")
    await booked(site, hour + timedelta(hours=3), 8, name="Moretti", note="Anniversaire")
    await booked(site, hour + timedelta(hours=3), 2, name="Garcia")
    await booked(site, hour + timedelta(hours=1), 5, name="Haddad", allergy="Gluten")
    await booked(site, hour + timedelta(hours=3), 8, name="Aubert", or_wait=True)
    async with site.session() as session, session.begin():
        to = ReservationStatus.SEATED
        await tell_status(session, site.restaurant, seated, to, now, actor="test")


async def booked(
    site: SiteUnderTest,
    at: datetime,
    party: int,
    *,
    name: str,
    note: str = "",
    allergy: str = "",
    or_wait: bool = False,
) -> UUID:
    """Book by the rules, as the staff do."""
    request = Request(
        key=str(new_id()),
        wish=Wish(party=party, starts_at=at, by_staff=True),
        guest=Guest(name=name, phone_e164="+33639980134", note=note, allergy_note=allergy),
        source=ReservationSource.VOICE,
        actor="test",
        or_wait=or_wait,
    )
    async with site.session() as session, session.begin():
        return (await book(session, site.restaurant, request, datetime.now(UTC))).id


PAGES = [
    Page("reservations/day", "/place/{restaurant}/reservations", "staff", an_evening),
    Page("reservations/new", "/place/{restaurant}/reservations/new", "staff"),
    Page("reservations/walk-in", "/place/{restaurant}/reservations/new?walk_in=1", "staff"),
    Page(
        "reservations/booking",
        "/place/{restaurant}/reservations/{to_come}",
        "staff",
        seed=an_evening,
    ),
    Page(
        "reservations/waiting",
        "/place/{restaurant}/reservations/{waiting}",
        "staff",
        seed=an_evening,
    ),
    Page(
        "reservations/cancel",
        "/place/{restaurant}/reservations/{to_come}/end/cancelled",
        "staff",
        seed=an_evening,
    ),
]
