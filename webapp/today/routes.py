"""The first page of the day: is everything well, and what is to be done now?"""

from datetime import UTC, datetime, time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.models.membership import Role
from controlplane.models.task import TaskStatus
from controlplane.restaurants.task_errors import TaskStatusRefused
from controlplane.restaurants.tasks import MOST_SHOWN, move_task, waiting_tasks
from webapp import forms
from webapp.charts import Plot, Series, plot
from webapp.kitchen.pace import Delay, set_pace
from webapp.kitchen.state import PAUSE
from webapp.place import StaffHere
from webapp.show import hour
from webapp.today.checklist import checklist
from webapp.today.day import read_day
from webapp.today.queries import (
    HourOfCalls,
    calls_by_hour,
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
    newest = await place.site.feed.newest_id(place.restaurant_id)  # before the day is read
    now = datetime.now(UTC).astimezone(place.zone)
    async with place.session() as session:
        data = await read_day(place, session, now)
        hours = await calls_by_hour(session, place.restaurant_id, now.date(), place.zone)
    return place.page(
        "today/page.html",
        **data,
        newest=newest,
        hours=[(hour(time(each.hour)), each) for each in _every_hour(hours)],
        drawn=_draw(hours, now),
        steps=checklist(place.frame, data["today"]) if place.may(Role.MANAGER) else [],
    )


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


@router.post("/busy")
async def say_busy(delay: Annotated[Delay, Form()], place: StaffHere) -> Response:
    """Say how busy the kitchen is, from the day's page."""
    await set_pace(place, delay)
    if delay == PAUSE:
        said = _("C’est dit : l’IA ne prend plus de commandes, pour une heure au plus.")
    elif delay == "0":
        said = _("C’est dit : les délais sont de nouveau normaux.")
    else:
        said = _("C’est dit : l’IA annonce %(minutes)s min de plus, pour une heure.", minutes=delay)
    return place.back("", said=said)


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
    here = "" if (await forms.Form.read(request)).ticked("today") else "/tasks"
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
