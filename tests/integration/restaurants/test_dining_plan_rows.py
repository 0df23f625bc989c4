"""A dining plan decides of the next booking, and takes no table from who has one."""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from controlplane.cli import main
from controlplane.database import async_sessions
from controlplane.database_roles import DatabaseRole
from controlplane.models.audit_entry import AuditEntry
from controlplane.models.dining_table import DiningTable
from controlplane.restaurants.dining_plan import DiningPlan
from controlplane.restaurants.reservation_errors import NotGranted
from controlplane.restaurants.reservation_rules import Rule
from controlplane.restaurants.set_dining_plan import read_plan, write_plan
from tests.integration.kitchen_orders import add_restaurant
from tests.integration.restaurants.dining_site import Site, at, open_site
from tests.unit.restaurants.test_dining_plan import plan, shift

pytestmark = pytest.mark.integration

ROOM = DiningPlan.model_validate(plan(shifts=[shift("Dîner", weekdays=list(range(7)))]))
WITHOUT_2 = DiningPlan.model_validate(
    plan(areas=[{"name": "Salle", "tables": [{"name": "1", "min_covers": 1, "max_covers": 2}]}],
         combinations=[], shifts=[shift("Dîner", first="20:00", weekdays=list(range(7)))])
)  # fmt: skip


@pytest.fixture
async def site(database: AsyncEngine) -> Site:
    """A restaurant whose room was of other tables and hours before."""
    return await open_site(async_sessions(database), tables=((1, 8),))


async def write(site: Site, given: DiningPlan) -> None:
    async with site.session() as session:
        await session.execute(text(f"SET LOCAL ROLE {DatabaseRole.WEB}"))
        await write_plan(session, site.restaurant_id, given, actor="user:1")


async def read(site: Site) -> DiningPlan:
    async with site.session() as session:
        return await read_plan(session, site.restaurant_id)


async def test_another_tenant_sees_nothing(site: Site, database: AsyncEngine) -> None:
    async with async_sessions(database).begin() as session:
        mario = await add_restaurant(session, name="Chez Mario")
        await write_plan(session, mario, ROOM, actor="user:2")
        assert await read_plan(session, mario) == ROOM
    before = await read(site)
    assert [table.max_covers for table in before.tables] == [8]
    await write(site, DiningPlan())
    async with async_sessions(database)() as session:
        assert await read_plan(session, mario) == ROOM


async def test_the_next_booking_goes_by_the_new_plan_and_who_has_a_table_keeps_it(
    site: Site,
) -> None:
    await write(site, ROOM)
    assert await read(site) == ROOM
    five = await site.book(at(19), party=5)
    assert len((await site.state(five.id))[1]) == 2  # pushed together
    await write(site, WITHOUT_2)
    assert await read(site) == WITHOUT_2
    assert len((await site.state(five.id))[1]) == 2
    for when, party, rule in ((at(21), 3, Rule.NO_TABLE), (at(19), 2, Rule.NO_SHIFT)):
        with pytest.raises(NotGranted) as refused:
            await site.book(when, party=party)
        assert refused.value.refusal.rule is rule
    await write(site, ROOM)
    assert await read(site) == ROOM  # the same rows, in use again
    async with site.session() as session:
        assert await session.scalar(select(func.count()).select_from(DiningTable)) == 3
        deeds = select(AuditEntry.actor).where(AuditEntry.action == "set_dining_plan")
        assert list(await session.scalars(deeds)) == ["user:1"] * 3


async def test_an_admin_shows_a_plan_changes_it_and_is_told_what_is_wrong(
    site: Site,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    await write(site, ROOM)
    place, file = str(site.restaurant_id), tmp_path / "room.json"

    async def room(*words: str) -> tuple[int, str, str]:
        """Commands have an event loop of their own."""
        status = await asyncio.to_thread(main, ["room", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    status, shown, _ = await room("show", place)
    assert status == 0
    changed = json.loads(shown)
    changed["areas"][0]["tables"][0]["max_covers"] = 3
    file.write_text(json.dumps(changed))
    assert (await room("set", place, str(file)))[0] == 0
    assert [table.max_covers for table in (await read(site)).tables] == [3, 4]
    for broken, told in (
        (b"{", "Invalid JSON"),
        (b'{"areas": [{"name": "\xe9"}]}', "Invalid"),
        (b'{"shifts": [{"name": "Midi"}]}', "shifts.0.turns: Field required"),
    ):
        file.write_bytes(broken)
        status, _, error = await room("set", place, str(file))
        assert status == 1
        assert told in error
    assert [table.max_covers for table in (await read(site)).tables] == [3, 4]
