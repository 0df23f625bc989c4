"""The first page of the day: is everything well, and what is to be done now?"""

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.membership import Role
from controlplane.models.task import TaskStatus
from controlplane.restaurants.printers import silent_printers
from controlplane.restaurants.task_errors import TaskStatusRefused
from controlplane.restaurants.tasks import MOST_SHOWN, move_task, waiting_tasks
from webapp.charts import Plot, Series, plot
from webapp.forms import Form
from webapp.place import Place, StaffHere
from webapp.show import hour, weekday
from webapp.today.alerts import alerts
from webapp.today.checklist import checklist
from webapp.today.queries import (
    HourOfCalls,
    calls_by_hour,
    next_tables,
    read_today,
)
from webapp.today.words import TASKS, why_refused
from webapp.words import _

TASKS_ON_PAGE = 5
"""More are on their own page."""
FIRST_HOUR, LAST_HOUR = 11, 22
"""These are drawn, and whatever others had calls."""

router = APIRouter(prefix="/place/{restaurant_id}", include_in_schema=False)


@router.get("")
async def today(place: StaffHere) -> HTMLResponse:
    """Show problems first, then now, then what can wait."""
    now = datetime.now(UTC).astimezone(place.zone)
    async with place.session() as session:
        data = await _read(place, session, now)
    return place.page("today/page.html", now=now, **data)


async def _read(place: Place, session: AsyncSession, now: datetime) -> dict[str, Any]:
    restaurant_id = place.restaurant_id
    so_far = await read_today(session, restaurant_id, now.date(), place.zone)
    hours = await calls_by_hour(session, restaurant_id, now.date(), place.zone)
    silent = await silent_printers(session, restaurant_id, now)
    tasks = await waiting_tasks(session, restaurant_id)
    return {
        "today": so_far,
        "alerts": alerts(place.frame, so_far, silent, now),
        "hours": [(hour(time(each.hour)), each) for each in _every_hour(hours)],
        "drawn": _draw(hours, now),
        "usual_now": _usual_until(hours, now),
        "weekday": weekday(now.date()),
        "tables": await next_tables(session, restaurant_id, now),
        "tasks": tasks[:TASKS_ON_PAGE],
        "more_tasks": len(tasks) - TASKS_ON_PAGE,
        "task_words": TASKS,
        "steps": checklist(place.frame, so_far) if place.may(Role.MANAGER) else [],
        "sees_money": place.may(Role.MANAGER),
    }


def _every_hour(hours: list[HourOfCalls]) -> list[HourOfCalls]:
    """Fill the hours without calls, so that the clock has no gap."""
    found = {each.hour: each for each in hours}
    first = min(FIRST_HOUR, *found) if found else FIRST_HOUR
    last = max(LAST_HOUR, *found) if found else LAST_HOUR
    return [found.get(at, HourOfCalls(at, 0, 0)) for at in range(first, last + 1)]


def _draw(hours: list[HourOfCalls], now: datetime) -> Any:
    shown = _every_hour(hours)
    passed = now.hour + now.minute / 60 - shown[0].hour
    return plot(
        Plot(
            series=[Series("b1", [each.today for each in shown])],
            usual=[each.usual for each in shown],
            labels=[hour(time(each.hour)) for each in shown],
            now=passed if 0 <= passed <= len(shown) else None,
            short=True,
        )
    )


def _usual_until(hours: list[HourOfCalls], now: datetime) -> float:
    """How many calls there usually are by this time of the day; None counts the hour in part."""
    whole = sum(each.usual for each in hours if each.hour < now.hour)
    begun = sum(each.usual for each in hours if each.hour == now.hour)
    return whole + begun * now.minute / 60


@router.get("/tasks")
async def tasks(place: StaffHere) -> HTMLResponse:
    """Show all that is to be done, the longest due first."""
    now = datetime.now(UTC).astimezone(place.zone)
    async with place.session() as session:
        waiting = await waiting_tasks(session, place.restaurant_id)
    return place.page(
        "today/tasks.html",
        now=now,
        tasks=waiting,
        task_words=TASKS,
        full=len(waiting) >= MOST_SHOWN,
    )


@router.post("/tasks/{task_id}/{to}")
async def move(task_id: UUID, to: TaskStatus, place: StaffHere, request: Request) -> Response:
    """Do what a task's button says, and go back to the page that it was on."""
    here = "" if (await Form.read(request)).ticked("today") else "/tasks"
    try:
        async with place.session() as session, session.begin():
            now = datetime.now(UTC)
            await move_task(session, place.restaurant_id, task_id, to, now, actor=place.actor)
    except TaskStatusRefused as error:
        return place.back(here, said=why_refused(error))
    said = {
        TaskStatus.OPEN: _("La tâche est rendue à l’équipe."),
        TaskStatus.TAKEN: _("C’est à vous."),
        TaskStatus.DONE: _("C’est réglé."),
        TaskStatus.DISMISSED: _("La tâche est écartée."),
    }
    return place.back(here, said=said[to])
