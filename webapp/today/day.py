"""The day as its page and its live fragments show it."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.membership import Role
from controlplane.restaurants.printers import silent_printers
from controlplane.restaurants.tasks import waiting_tasks
from webapp.kitchen.pace import pace_of
from webapp.kitchen.words import paces
from webapp.place import Place
from webapp.show import weekday
from webapp.today.alerts import alerts
from webapp.today.queries import next_tables, read_today
from webapp.today.words import TASKS

TASKS_ON_PAGE: Final = 5
"""More are on their own page."""


async def read_day(place: Place, session: AsyncSession, now: datetime) -> dict[str, Any]:
    """Return what the templates of the day's parts name; `now` is in the restaurant's zone."""
    restaurant_id = place.restaurant_id
    so_far = await read_today(session, restaurant_id, now, place.zone)
    silent = await silent_printers(session, restaurant_id, now)
    tasks = await waiting_tasks(session, restaurant_id)
    return {
        "now": now,
        "today": so_far,
        "live_calls": so_far.live,
        "alerts": alerts(place.frame, so_far, silent, now),
        "usual_now": so_far.usual,
        "weekday": weekday(now.date()),
        "tables": await next_tables(session, restaurant_id, now),
        "tasks": tasks[:TASKS_ON_PAGE],
        "more_tasks": len(tasks) - TASKS_ON_PAGE,
        "task_words": TASKS,
        "sees_money": place.may(Role.MANAGER),
        "paces": paces(),
        "pace_now": pace_of(place.frame),
    }
