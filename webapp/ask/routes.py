"""Que dira l'IA ? The decision of a call at any date and time, and the rules that made it.

It is a GET: whoever is sent the link sees the same question, answered by the rules of the moment.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.restaurants.errors import NotNow
from controlplane.restaurants.opening_hours import find_calendar
from controlplane.restaurants.promise import promised_at
from controlplane.restaurants.rules_in_order import Part, Step, rules_in_order
from controlplane.restaurants.what_happens import Calendar
from controlplane.spoken.not_now import spoken_refusal
from controlplane.spoken.ready import spoken_ready
from webapp.ask.words import (
    KIND_OF,
    WANTS,
    Line,
    Want,
    kitchen_line,
    line,
    moment,
    reopening_line,
)
from webapp.forms import Form, read_date
from webapp.hours.drawing import Scale
from webapp.hours.forms import read_time
from webapp.hours.words import spans
from webapp.place import ManagerHere, Place
from webapp.typography import typeset
from webapp.words import _

router: Final = APIRouter(prefix="/place/{restaurant_id}/ask", include_in_schema=False)

FURTHEST: Final = timedelta(days=60)
"""Exceptions are read so far: what comes later, nobody can answer for."""
Typed = Annotated[str, Query(max_length=20)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The answer: what the caller hears, None when that is no tool's sentence; and why."""

    open: bool
    sentence: str | None
    lines: list[Line]
    deciding: Step


@router.get("")
async def ask(
    place: ManagerHere, d: Typed = "", t: Typed = "", w: Want = Want.PICKUP
) -> HTMLResponse:
    """Answer for the moment that is asked about; for now without one."""
    now = datetime.now(place.zone)
    form = Form({"d": d, "t": t})
    at = _asked(form, now)
    async with place.session() as session:
        calendar = await find_calendar(session, place.restaurant_id, min(at, now))
        told = await _answer(session, place.restaurant_id, calendar, at, w)
    windows = told.deciding.windows
    scale = Scale.around(windows)
    return place.page(
        "ask/page.html",
        status=422 if form.errors else 200,
        form=form,
        at=at,
        moment=moment(at),
        want=w,
        wants=[(str(each), _(words)) for each, words in WANTS.items()],
        told=told,
        chips=_chips(place, calendar, now, w),
        this=_link(place, at, w),
        strip=scale.strip(
            windows, f"{spans(windows)} · {moment(at)}", mark=at.time().replace(tzinfo=None)
        ),
        axis=scale.axis(),
    )


def _asked(form: Form, now: datetime) -> datetime:
    """Return the instant that was asked about; what is missing or wrong is taken from now."""
    day, at = read_date(form.text("d")), read_time(form.text("t"))
    if form.text("d") and day is None:
        form.fail("d", _("Cette date n’existe pas. Choisissez-en une autre."))
    if form.text("t") and at is None:
        form.fail("t", _("Cette heure n’existe pas. Écrivez-la comme 20:15."))
    if day is not None and not now.date() - timedelta(days=1) <= day <= now.date() + FURTHEST:
        form.fail("d", _("Choisissez une date dans les deux mois qui viennent."))
        day = None
    if form.errors or (day is None and at is None):
        return now.replace(second=0, microsecond=0)
    return _instant(day or now.date(), at or now.time(), now)


def _instant(day: date, at: time, now: datetime) -> datetime:
    """Through UTC, so that a time that the clock leaves out is the one it shows instead."""
    wall = datetime.combine(day, at.replace(second=0, microsecond=0), now.tzinfo)
    return wall.astimezone(UTC).astimezone(now.tzinfo)


async def _answer(
    session: AsyncSession, restaurant_id: UUID, calendar: Calendar, at: datetime, want: Want
) -> Said:
    kind = KIND_OF[want]
    steps = rules_in_order(calendar, kind, at)
    deciding = next(step for step in steps if step.part is Part.DECIDES)
    lines = [line(step) for step in steps]
    sentence = None
    is_open = deciding.answer.open
    if want is Want.PICKUP:
        sentence, ready = await _order(session, restaurant_id, calendar, at)
        if is_open:
            lines.append(kitchen_line(deciding.answer, ready))
            is_open = ready is not None
    again = reopening_line(deciding.answer)
    lines += [again] if again else []
    return Said(open=is_open, sentence=sentence, lines=lines, deciding=deciding)


async def _order(
    session: AsyncSession, restaurant_id: UUID, calendar: Calendar, at: datetime
) -> tuple[str, datetime | None]:
    """What a caller hears who orders then, word for word, and when that would be ready."""
    try:
        ready = await promised_at(session, restaurant_id, calendar, at)
    except NotNow as refusal:
        return typeset(spoken_refusal(refusal)), None
    return typeset(f"{spoken_ready(ready)}."), ready


def _chips(place: Place, calendar: Calendar, now: datetime, want: Want) -> list[tuple[str, str]]:
    """Questions that are asked often, each with its link."""
    monday = now.date() + timedelta(days=7 - now.weekday())
    asked = [
        (_("Maintenant"), now),
        (_("Ce soir, 22 h 15"), _instant(now.date(), time(22, 15), now)),
        (_("Lundi midi"), _instant(monday, time(12), now)),
    ]
    for one in calendar.exceptions[:1]:
        if one.date >= now.date():
            at = _instant(one.date, time(20, 15), now)
            asked.append((one.label or moment(at), at))
    return [(words, _link(place, at, want)) for words, at in asked]


def _link(place: Place, at: datetime, want: Want) -> str:
    query = urlencode({"d": f"{at:%Y-%m-%d}", "t": f"{at:%H:%M}", "w": want})
    return f"{place.url('/ask')}?{query}"
