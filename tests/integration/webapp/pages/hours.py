"""Hours, pace, zones and what the AI will say, of a restaurant with a holiday and an exception."""

from datetime import date, time

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.opening import (
    KitchenPace,
    OpeningException,
    OpeningKind,
)
from controlplane.models.pacing import PacingUnit
from controlplane.restaurants.delivery_zones import Circle, Postcodes, Zone
from controlplane.restaurants.set_hours import add_exception, set_week
from controlplane.restaurants.set_kitchen import set_kitchen
from controlplane.restaurants.set_pacing import Pace, add_pacing
from controlplane.restaurants.set_zones import add_zone
from tests.integration.webapp.pages.page import Names, Page
from tests.integration.webapp.site_under_test import SiteUnderTest

LUNCH, DINNER, LATE = (
    (time(11, 30), time(14, 30)),
    (time(18, 30), time(22, 30)),
    (time(18, 30), time(0, 30)),
)
WEEK = {day: [LUNCH, LATE if day in (4, 5) else DINNER] for day in range(1, 7)}
EVE = date(2026, 12, 24)


async def open_hours(site: SiteUnderTest) -> Names:
    """The pizzeria of the prototype: closed on Mondays, late on Fridays and Saturdays."""
    async with site.sessions.begin() as session:
        for kind in (OpeningKind.PICKUP, OpeningKind.ON_SITE):
            await set_week(session, site.restaurant, kind, WEEK, actor="test")
    return {}


async def special_day(site: SiteUnderTest) -> Names:
    eve = OpeningException(date=EVE, label="veille de Noël", spoken="Nous fermons tôt.")
    async with site.sessions.begin() as session:
        await add_exception(session, site.restaurant, eve, [LUNCH], actor="test")
    return {"day": EVE.isoformat()}


async def paced(site: SiteUnderTest) -> Names:
    pace = KitchenPace(least_minutes=20, most_minutes=90, seconds_per_unit=60)
    rule = Pace(
        kinds=frozenset({OpeningKind.PICKUP}),
        unit=PacingUnit.ORDERS,
        most=12,
        slot_minutes=15,
        weekdays=frozenset({4, 5}),
        window=DINNER,
    )
    async with site.sessions.begin() as session:
        await set_kitchen(session, site.restaurant, pace, actor="test")
        await add_pacing(session, site.restaurant, rule, actor="test")
    return {}


async def zoned(site: SiteUnderTest) -> Names:
    near = Zone(
        id=new_id(),
        name="À deux pas",
        area=Circle(latitude=45.764, longitude=4.8357, radius_m=900),
        fee_cents=0,
        minimum_cents=1_500,
        delay_minutes=10,
    )
    across = Zone(
        id=new_id(),
        name="Rive gauche",
        area=Postcodes(postcodes=frozenset({"69003", "69006", "69007"})),
        fee_cents=400,
        minimum_cents=2_500,
        delay_minutes=30,
    )
    async with site.sessions.begin() as session:
        for zone in (near, across):
            await add_zone(session, site.restaurant, zone, actor="test")
    return {"zone": str(across.id)}


PLACE = "/place/{restaurant}"

PAGES = [
    Page("hours/page", f"{PLACE}/config/hours", seed=open_hours),
    Page("hours/day", f"{PLACE}/config/hours/pickup/days/4"),
    Page("hours/special-day", f"{PLACE}/config/hours/exceptions/{{day}}", seed=special_day),
    Page("hours/pace", f"{PLACE}/config/kitchen", seed=paced),
    Page("hours/zones", f"{PLACE}/config/zones", seed=zoned),
    Page("ask/now", f"{PLACE}/ask"),
    Page("ask/eve", f"{PLACE}/ask?d=2026-12-24&t=20:15&w=pickup"),
    Page("ask/table", f"{PLACE}/ask?w=table"),
    Page("ask/wrong", f"{PLACE}/ask?d=2026-02-31", status=422),
]
