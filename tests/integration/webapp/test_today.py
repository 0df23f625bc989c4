"""The day's page says what is wrong, what is usual and what is set up; a task is settled once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete

from controlplane.models.call import Call
from controlplane.models.opening_rule import OpeningRule
from controlplane.models.order import Order, OrderStatus
from controlplane.models.printer import PrinterProtocol
from controlplane.models.task import Task, TaskKind, TaskStatus
from controlplane.restaurants.printers import add_printer
from controlplane.restaurants.tasks import TaskDraft, add_task, call_back_for
from tests.integration.kitchen_orders import add_order
from tests.integration.webapp.seeded_calls import add_call, add_live_call, add_order_of, rate
from tests.integration.webapp.site_under_test import SiteUnderTest
from webapp.queries import read_frame
from webapp.today.alerts import Alert, alerts
from webapp.today.queries import Today, calls_by_hour, read_today

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

PARIS = ZoneInfo("Europe/Paris")


async def alerts_of(site: SiteUnderTest, **changed: Any) -> list[Alert]:
    """What is wrong now, with the line as `changed` says."""
    now = datetime.now(PARIS)
    async with site.session() as session:
        frame = await read_frame(session, site.restaurant)
        today = await read_today(session, site.restaurant, now, PARIS)
    assert frame is not None
    code = changed.pop("line_code", None)
    shown = {name: getattr(frame, name) for name in frame.__slots__} | changed
    counted = {name: getattr(today, name) for name in today.__slots__} | {"line_code": code}
    return alerts(type(frame)(**shown), Today(**counted), (), now)


async def test_an_order_nobody_took_and_a_silent_printer_come_first(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        order_id = await add_order(session, site.restaurant)
        order = await session.get_one(Order, order_id)
        order.created_at = datetime.now(UTC) - timedelta(minutes=2)
        expired = await add_order(session, site.restaurant, status=OrderStatus.EXPIRED)
        await call_back_for(session, await session.get_one(Order, expired), actor="notifier")
        await add_printer(session, site.restaurant, "Bar", PrinterProtocol.STAR, actor="admin")
    page = (await site.by("staff").get(site.path())).text
    assert "1 commande n’a pas encore été prise en cuisine" in page.replace("\u00a0", " ")
    assert "Bar n’imprime pas" in page
    assert "commande a expiré" in page.replace("\u00a0", " ")
    async with site.sessions.begin() as session:
        await session.execute(delete(Order).where(Order.id.in_([order_id, expired])))
    assert await alerts_of(site) == []


async def test_a_line_that_is_down_is_told_in_plain_words(site: SiteUnderTest) -> None:
    now = datetime.now(UTC)
    down: dict[str, Any] = {"line_state": "FAIL_WAIT", "line_since": now - timedelta(minutes=6)}
    (refused,) = await alerts_of(site, **down, line_code=403)
    assert "n’est plus enregistrée depuis" in refused.title
    assert "refuse le compte" in refused.sentence
    assert "(403)" in refused.sentence
    (silent,) = await alerts_of(site, **down, line_code=408)
    assert "ne répond pas" in silent.sentence
    (left_alone,) = await alerts_of(site, **down | {"line_state": "SUSPENDED"}, line_code=403)
    assert "n’insistons plus" in left_alone.sentence
    just_now = {"line_state": "TRYING", "line_since": now - timedelta(seconds=20)}
    for changed in (just_now, down | {"status": "onboarding"}, {"line_state": "REGED"}):
        assert await alerts_of(site, **changed) == [], "a failover takes so long"


async def test_money_is_for_managers_and_missing_steps_are_asked_of_what_there_is(
    site: SiteUnderTest,
) -> None:
    async with site.sessions.begin() as session:
        call_id = await add_call(session, site.restaurant)
        await add_order_of(session, site.restaurant, call_id)
        await rate(session, site.restaurant, call_id, 1_230_000)
        live = await add_live_call(session, site.restaurant)
        await add_live_call(session, site.other)
    staff, owner = [(await site.by(who).get(site.path())).text for who in ("staff", "owner")]
    assert f"/calls/{live}" in staff
    assert staff.count("En ce moment") == 1
    for money in ("26,40", "1,23", "Mise en route"):
        assert (money in staff, money in owner) == (False, True), money
    assert owner.count("Sans horaires") == 1
    async with site.sessions.begin() as session:
        for day in range(7):
            session.add(OpeningRule(restaurant_id=site.restaurant, weekday=day, **OPEN))
    assert "Sans horaires" not in (await site.by("owner").get(site.path())).text


OPEN = {
    "opens": datetime(2026, 1, 1, 11).time(),
    "closes": datetime(2026, 1, 1, 22).time(),
}


async def test_what_is_usual_is_the_mean_of_the_same_weekdays_that_had_calls(
    site: SiteUnderTest,
) -> None:
    day = date(2026, 3, 29)  # the clocks go forward that night
    nine = datetime(2026, 3, 29, 19, 5, tzinfo=PARIS)
    async with site.sessions.begin() as session:
        for weeks, count in ((0, 1), (1, 4), (2, 2), (5, 9)):
            for _ in range(count):
                at = (nine - timedelta(weeks=weeks)).astimezone(UTC)
                await add_call(session, site.restaurant, started_at=at)
        await add_call(session, site.other, started_at=nine.astimezone(UTC))
    async with site.session() as session:
        (hour,) = await calls_by_hour(session, site.restaurant, day, PARIS)
    assert (hour.hour, hour.today, hour.usual) == (19, 1, 3.0)
    async with site.sessions.begin() as session:
        await session.execute(delete(Call).where(Call.started_at < nine + timedelta(days=1)))


async def test_a_task_is_taken_given_back_and_settled_once(site: SiteUnderTest) -> None:
    async with site.sessions.begin() as session:
        draft = TaskDraft(kind=TaskKind.COMPLAINT, words="Froid", created_by="agent")
        task = await add_task(session, site.restaurant, draft)
        task_id = task.id
    path = site.path(f"/tasks/{task_id}")

    async def press(visitor: str, to: str, **form: str) -> str:
        answer = await site.by(visitor).post(f"{path}/{to}", data=form)
        assert answer.status_code == 303
        return (await site.by(visitor).get(answer.headers["location"])).text

    assert "C’est à vous." in await press("staff", "taken")
    assert "Quelqu’un d’autre s’en occupe déjà." in await press("manager", "taken")
    assert "rendue" in await press("staff", "open")
    page = await press("manager", "done", today="1")
    assert "C’est réglé." in page
    assert "En ce moment" in page, "back to the page it was pressed on"
    assert "C’est déjà réglé." in await press("staff", "open")
    assert (await site.by("other").post(f"{path}/done")).status_code == 404
    async with site.sessions() as session:
        settled = await session.get_one(Task, task_id)
        assert settled.status == TaskStatus.DONE
        assert settled.settled_by == f"user:{site.users['manager']}"
