"""A manager sets the dining room up from nothing on the site; what contradicts itself is refused
with what was typed, and a plan that somebody else changed meanwhile is not overwritten unseen.
"""

import asyncio
import re
from typing import Any

import pytest

from controlplane.restaurants.set_dining_plan import read_plan
from tests.integration.webapp.site_under_test import SiteUnderTest

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

TABLES = {"table-0": "3", "min-0": "2", "max-0": "4", "table-2": "4", "min-2": "2", "max-2": "4"}
ONE = {"min-0": "2", "max-0": "4"}


async def test_a_room_is_set_up_and_refuses_what_contradicts_it(site: SiteUnderTest) -> None:
    """1. An area with two tables. 2. They are pushed together for eight; a table that is not there
    is refused. 3. A dinner is saved, a second one at the same hours refused. 4. A form that is out
    of date changes nothing. 5. A table of a combination is not lost by removing its area.
    """
    manager = site.by("manager")

    async def send(path: str, **fields: Any) -> tuple[int, str]:
        page = await manager.get(site.path("/config/room/areas/new"))
        seen = re.search(r'name="seen" value="(\w+)"', page.text)
        assert seen
        url = site.path(f"/config/room/{path}")
        answer = await manager.post(url, data={"seen": seen[1], **fields})
        return answer.status_code, answer.text

    assert (await send("areas/new", name="Salle", **TABLES))[0] == 303
    reversed_ = TABLES | {"min-0": "5"}
    status, html = await send("areas/0", name="Salle", **reversed_)
    assert (status, 'value="5"' in html, "le minimum dépasse" in html) == (422, True, True)

    joined = {"min-0": "5", "max-0": "8"}
    status, html = await send("combinations", **{"tables-0": "3 + 9"}, **joined)
    assert (status, "pas en salle\N{NO-BREAK SPACE}: 9" in html) == (422, True)
    assert (await send("combinations", **{"tables-0": "3+4"}, **joined))[0] == 303

    dinner = {
        "name": "Dîner",
        "weekday": ["4", "5"],
        "first_seating": "19:00",
        "last_seating": "21:30",
        "slot_minutes": "15",
        "lead_minutes": "60",
        "furthest_days": "60",
        "cancel_minutes": "120",
        "max_covers_a_slot": "",
        "max_covers": "40",
        "party-0": "8",
        "minutes-0": "120",
    }
    assert (await send("services/new", **dinner))[0] == 303
    status, html = await send("services/new", **dinner | {"name": "Tard", "first_seating": "20:00"})
    assert (status, "en même temps" in html) == (422, True)
    for field, typo in (("first_seating", "soir"), ("max_covers", "peu"), ("minutes-0", "3")):
        status, html = await send("services/0", **dinner | {field: typo})
        assert (status, f'id="{field}-error"' in html, f'value="{typo}"' in html) == (
            422,
            True,
            True,
        )

    stale = await manager.post(
        site.path("/config/room/areas/0"), data={"seen": "0" * 16, "name": "Autre", **TABLES}
    )
    assert (stale.status_code, "Autre" in stale.text) == (409, True)
    assert (await send("areas/0/remove"))[0] == 422
    assert (await send("services/7"))[0] == 404

    async with site.session() as session:
        plan = await read_plan(session, site.restaurant)
    assert [table.name for table in plan.tables] == ["3", "4"]
    assert [(one.tables, one.max_covers) for one in plan.combinations] == [(("3", "4"), 8)]
    assert [(one.weekdays, one.max_covers) for one in plan.shifts] == [(frozenset({4, 5}), 40)]


async def test_of_three_who_save_at_once_one_does(site: SiteUnderTest) -> None:
    manager, path = site.by("manager"), site.path("/config/room/areas/new")
    page = await manager.get(path)
    seen = re.search(r'name="seen" value="(\w+)"', page.text)
    assert seen
    answers = await asyncio.gather(
        *(
            manager.post(path, data={"seen": seen[1], "name": name, "table-0": f"{name} 1"} | ONE)
            for name in ("Terrasse", "Jardin", "Cour")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409]
    async with site.session() as session:
        plan = await read_plan(session, site.restaurant)
    assert len({area.name for area in plan.areas} & {"Terrasse", "Jardin", "Cour"}) == 1
