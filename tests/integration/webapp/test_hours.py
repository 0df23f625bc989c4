"""A manager sets hours, special days, holidays, pace and zones on the site; two who edit at once
lose nothing; and the page of what the AI will say answers as a call's tool does.
"""

import re
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from aiworker.tools.refusals import in_words
from controlplane.contracts.opening import OpeningKind
from controlplane.models.audit_entry import AuditEntry
from controlplane.restaurants.errors import NotNow
from controlplane.restaurants.opening_hours import find_calendar
from controlplane.restaurants.set_hours import read_week
from controlplane.restaurants.what_happens import check_takes_orders
from controlplane.restaurants.zone_rows import read_zones
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.typography import typeset

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PARIS = ZoneInfo("Europe/Paris")
FRIDAY = "/config/hours/pickup/days/4"
DINNER = {"opens-0": "18:30", "closes-0": "00:30"}


def hidden(page: str) -> dict[str, str]:
    """What a form's hidden fields would send back."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: value.replace("&#34;", '"') for name, value in found}


async def fridays(site: SiteUnderTest) -> list[tuple[time, time]]:
    async with site.session() as session:
        week = await read_week(session, site.restaurant, OpeningKind.PICKUP)
    return week.get(4, [])


async def post(site: SiteUnderTest, path: str, form: dict[str, Any], by: str = "manager") -> Any:
    return await site.by(by).post(site.path(path), data=form)


async def test_two_managers_of_one_day_see_both_versions_and_choose(site: SiteUnderTest) -> None:
    shown = (await site.by("manager").get(site.path(FRIDAY))).text
    mine = {**hidden(shown), **DINNER, "also": ["5"]}
    theirs = {**hidden(shown), "opens-0": "11:30", "closes-0": "14:30"}
    assert (await post(site, FRIDAY, theirs, by="owner")).status_code == 303
    refused = await post(site, FRIDAY, mine)
    assert refused.status_code == 409
    for words in (
        "Owner Esposito",
        "11\u00a0h\u00a030\u00a0– 14\u00a0h\u00a030",
        "18\u00a0h\u00a030",
    ):
        assert words in refused.text
    assert await fridays(site) == [(time(11, 30), time(14, 30))]
    kept = await post(site, FRIDAY, {**hidden(refused.text), "also": ["4", "5"]})
    assert kept.status_code == 303
    assert await fridays(site) == [(time(18, 30), time(0, 30))]


async def test_what_is_wrong_is_said_and_what_was_typed_is_kept(site: SiteUnderTest) -> None:
    before = await fridays(site)
    shown = hidden((await site.by("manager").get(site.path(FRIDAY))).text)
    overlapping = DINNER | {"opens-1": "20:00", "closes-1": "22:00"}
    for typed, said in (
        (overlapping, "chevauchent"),
        ({"opens-0": "18:30", "closes-0": ""}, "fermeture"),
        ({"opens-0": "25:99", "closes-0": "x"}, "fermeture"),
    ):
        answer = await post(site, FRIDAY, shown | typed)
        assert answer.status_code == 422
        assert said in answer.text
        assert f'value="{typed["opens-0"]}"' in answer.text
    assert await fridays(site) == before


async def test_a_special_day_and_a_holiday_decide_what_callers_are_told(
    site: SiteUnderTest,
) -> None:
    await post(site, FRIDAY, hidden((await site.by("owner").get(site.path(FRIDAY))).text) | DINNER)
    eve = {
        "first": "2026-12-24",
        "open": "other",
        "opens-0": "11:30",
        "closes-0": "14:30",
        "kinds": ["pickup"],
        "label": "veille de Noël",
        "spoken": "Nous fermons tôt pour le réveillon.",
    }
    assert (await post(site, "/config/hours/exceptions", eve)).status_code == 303
    again = await post(site, "/config/hours/exceptions", eve)
    assert (again.status_code, "couvre déjà cette date" in again.text) == (422, True)
    christmas = await post(site, "/config/hours/holidays/2026-12-25", {"answer": "closed"})
    assert christmas.status_code == 303
    late = await post(site, "/config/hours/holidays/2026-12-25", {"answer": "usual"}, by="owner")
    assert late.headers["location"].endswith("#exceptions"), "the first answer stays"
    page = (await site.by("manager").get(site.path("/config/hours"))).text
    assert "Vendredi\u00a025\u00a0décembre est férié" not in page
    for day, clock in ((24, time(20, 15)), (25, time(12)), (24, time(12))):
        await _asks(site, datetime.combine(date(2026, 12, day), clock, PARIS))
    gone = await post(site, "/config/hours/exceptions/2026-12-24/remove", {})
    assert gone.status_code == 303
    async with site.sessions() as session:
        actions = await session.execute(
            select(AuditEntry.action, AuditEntry.actor).where(
                AuditEntry.restaurant_id == site.restaurant
            )
        )
    who = f"user:{site.users['manager']}"
    assert {("set_week", who), ("add_exception", who), ("remove_exception", who)} <= {
        (action, actor) for action, actor in actions
    }


async def _asks(site: SiteUnderTest, at: datetime) -> None:
    """The page says what the tool of a call would say at that instant."""
    answer = await site.by("manager").get(site.path(f"/ask?d={at:%Y-%m-%d}&t={at:%H:%M}&w=pickup"))
    async with site.session() as session:
        calendar = await find_calendar(session, site.restaurant, datetime.now(UTC))
    try:
        ready = check_takes_orders(calendar, at).ready_at
    except NotNow as refusal:
        spoken = in_words(refusal).spoken
    else:
        assert ready == at.replace(minute=20)
        spoken = "Elle sera prête à douze heures vingt."
    assert typeset(spoken) in answer.text.replace("&#39;", "’")


async def test_pace_and_zones_are_kept_as_typed(site: SiteUnderTest) -> None:
    shown = hidden((await site.by("manager").get(site.path("/config/kitchen"))).text)
    pace = {"least_minutes": "15", "most_minutes": "60", "seconds_per_unit": "30", "unit": "orders"}
    assert (await post(site, "/config/kitchen", shown | pace)).status_code == 303
    stale = await post(site, "/config/kitchen", shown | pace | {"least_minutes": "25"}, by="owner")
    assert (stale.status_code, "Manager Esposito" in stale.text) == (409, True)
    rule = {"most": "4", "unit": "orders", "slot_minutes": "15", "kinds": ["pickup"]}
    assert (await post(site, "/config/kitchen/rules", rule)).status_code == 303
    assert (await post(site, "/config/kitchen/rules", rule | {"kinds": []})).status_code == 422
    zone = {"name": "Rive gauche", "fee": "4,5", "minimum": "25", "delay_minutes": "30"}
    wrong = await post(site, "/config/zones", zone | {"postcodes": "6900"})
    assert (wrong.status_code, 'value="4,5"' in wrong.text) == (422, True)
    right = await post(site, "/config/zones", zone | {"postcodes": "69003 69006"})
    assert right.status_code == 303
    twice = await post(site, "/config/zones", zone | {"postcodes": "69003"})
    assert (twice.status_code, "porte ce nom" in twice.text) == (422, True)
    async with site.session() as session:
        (kept,) = await read_zones(session, site.restaurant)
    assert (kept.name, kept.fee_cents, kept.minimum_cents) == ("Rive gauche", 450, 2_500)
    edit = f"/config/zones/{kept.id}"
    form = (await site.by("owner").get(site.path(edit))).text
    dearer = hidden(form) | zone | {"fee": "5,00", "postcodes": "69003"}
    assert (await post(site, edit, dearer)).status_code == 303
    assert (await post(site, edit, dearer | {"fee": "6"}, by="owner")).status_code == 409
    assert (await post(site, f"{edit}/remove", {})).status_code == 303
