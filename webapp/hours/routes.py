"""Hours: the usual week by kind, the days that differ from it, and public holidays that come."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from controlplane.contracts.opening import (
    HolidayHours,
    Holidays,
    OpeningException,
    OpeningKind,
)
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.holidays_ahead import (
    close_on_holiday,
    holidays_unsaid,
    open_on_holiday,
)
from controlplane.restaurants.hour_windows import Window, spelt
from controlplane.restaurants.public_holidays import public_holidays
from controlplane.restaurants.set_hours import (
    add_exception,
    read_week,
    remove_exceptions,
    set_holidays,
    set_week,
)
from controlplane.restaurants.setup_errors import ChangedMeanwhile, DateTaken
from controlplane.restaurants.what_happens import Calendar, what_happens
from webapp.forms import Form, read_date
from webapp.hours.drawing import Scale
from webapp.hours.forms import (
    KINDS,
    WINDOWS,
    read_days,
    read_kinds,
    read_seen,
    read_windows,
    windows_typed,
)
from webapp.hours.queries import (
    Booked,
    last_change,
    offered,
    reservations_from,
    the_hours,
    the_restaurant,
)
from webapp.hours.words import (
    DAY_NAMES,
    HOLIDAY_HOURS,
    KIND_NAMES,
    refused,
    span,
    spans,
    special_days,
)
from webapp.place import ManagerHere, Place
from webapp.words import _

router: Final = APIRouter(prefix="/place/{restaurant_id}/config/hours", include_in_schema=False)

Weekday = Annotated[int, Path(ge=0, le=6)]
Day = Annotated[date, Path(ge=date(2000, 1, 1), le=date(2099, 12, 31))]


def _settable(kind: OpeningKind) -> OpeningKind:
    if kind not in KINDS:
        raise HTTPException(404)
    return kind


Kind = Annotated[OpeningKind, Depends(_settable)]


@router.get("")
async def hours(place: ManagerHere, kind: OpeningKind = OpeningKind.PICKUP) -> HTMLResponse:
    """Show the week of one kind, the days that differ, and what nobody has said yet."""
    return await _hours_page(place, kind if kind in KINDS else OpeningKind.PICKUP, Form())


@router.get("/{kind}/days/{day}")
async def edit_day(place: ManagerHere, kind: Kind, day: Weekday) -> HTMLResponse:
    """Show a weekday's hours in a form."""
    async with place.session() as session:
        week = await read_week(session, place.restaurant_id, kind)
    return _day_page(place, kind, day, week, Form(windows_typed(week.get(day, []))))


@router.post("/{kind}/days/{day}")
async def save_day(place: ManagerHere, kind: Kind, day: Weekday, request: Request) -> Response:
    """Give a weekday, and those that are to be like it, these hours."""
    form = await Form.read(request)
    windows = [] if form.ticked("closed") else read_windows(form)
    days = read_days(form, day)
    seen = {one: read_seen(form, one) for one in days}
    if not form.errors:
        try:
            async with place.session() as session, session.begin():
                await set_week(
                    session,
                    place.restaurant_id,
                    kind,
                    dict.fromkeys(days, windows),
                    actor=place.actor,
                    seen=seen,
                )
        except ChangedMeanwhile:
            return await _day_conflict(place, kind, day, days, windows)
        except Refused as error:
            form.fail("opens-0", refused(error))
        else:
            said = _("Horaires enregistrés. L’IA les dit dès le prochain appel.")
            return place.back(f"/config/hours?kind={kind}", said=said)
    async with place.session() as session:
        week = await read_week(session, place.restaurant_id, kind)
    return _day_page(place, kind, day, week | seen, form, status=422)


@router.post("/exceptions")
async def add_special_day(place: ManagerHere, request: Request) -> Response:
    """Add dates on which other hours stand for the week's, or none."""
    form = await Form.read(request)
    first, last = read_date(form.text("first")), read_date(form.text("last"))
    windows = read_windows(form) if form.text("open") == "other" else []
    if first is None:
        form.fail("first", _("Donnez la date, par exemple 24/12/2026."))
    if form.text("last") and last is None:
        form.fail("last", _("Cette date n’existe pas. Corrigez-la, ou laissez vide."))
    if form.text("open") == "other" and not windows:
        form.fail("opens-0", _("Donnez au moins une plage, ou choisissez « Fermé »."))
    if not form.errors and first is not None:
        exception = OpeningException(
            date=first,
            last_date=last if last != first else None,
            kinds=read_kinds(form),
            label=form.text("label"),
            spoken=form.text("spoken"),
        )
        try:
            async with place.session() as session, session.begin():
                await add_exception(
                    session, place.restaurant_id, exception, windows, actor=place.actor
                )
        except Refused as error:
            form.fail("first", refused(error))
        else:
            return place.back("/config/hours#exceptions", said=_("Jour particulier ajouté."))
    return await _hours_page(place, OpeningKind.PICKUP, form, status=422)


@router.get("/exceptions/{day}")
async def special_day(place: ManagerHere, day: Day) -> HTMLResponse:
    """Show whatever covers a date, and the way back to the week's hours."""
    async with place.session() as session:
        calendar = await the_hours(session, place.restaurant_id, day)
    found = special_days([one for one in calendar.exceptions if one.covers(day)])
    return place.page(
        "hours/special_day.html", status=200 if found else 404, day=day, found=found, spans=spans
    )


@router.post("/exceptions/{day}/remove")
async def remove_special_day(place: ManagerHere, day: Day) -> RedirectResponse:
    """Go back to the week's hours on that date."""
    async with place.session() as session, session.begin():
        await remove_exceptions(session, place.restaurant_id, day, actor=place.actor)
    said = _("Jour particulier supprimé : les horaires habituels reprennent.")
    return place.back("/config/hours#exceptions", said=said)


@router.post("/holidays")
async def save_holidays(place: ManagerHere, request: Request) -> RedirectResponse:
    """Say what the week's hours are worth on public holidays."""
    form = await Form.read(request)
    said = form.text("holidays")
    if said in set(HolidayHours):
        holidays = Holidays(hours=HolidayHours(said), alsace_moselle=form.ticked("alsace_moselle"))
        async with place.session() as session, session.begin():
            restaurant = await the_restaurant(session, place.restaurant_id)
            await set_holidays(session, restaurant, holidays, actor=place.actor)
    return place.back("/config/hours#holidays", said=_("Jours fériés enregistrés."))


@router.post("/holidays/{day}")
async def say_holiday(place: ManagerHere, day: date, request: Request) -> RedirectResponse:
    """Answer "open or closed?" for a public holiday that comes."""
    form = await Form.read(request)
    say = close_on_holiday if form.text("answer") == "closed" else open_on_holiday
    try:
        async with place.session() as session, session.begin():
            restaurant = await the_restaurant(session, place.restaurant_id)
            named = public_holidays(day.year, alsace_moselle=restaurant.alsace_moselle)
            if day in named:
                await say(session, place.restaurant_id, day, named[day], actor=place.actor)
    except DateTaken:  # somebody was faster: the list says what they answered
        return place.back("/config/hours#exceptions", said=_("Ce jour a déjà une réponse."))
    return place.back("/config/hours", said=_("C’est noté : l’IA le dira."))


async def _hours_page(
    place: Place, kind: OpeningKind, form: Form, *, status: int = 200
) -> HTMLResponse:
    now = datetime.now(place.zone)
    async with place.session() as session:
        calendar = await the_hours(session, place.restaurant_id, now.date())
        booked = await reservations_from(session, place.restaurant_id, now)
    week = _week(calendar, kind)
    scale = Scale.around(window for windows in week for window in windows)
    return place.page(
        "hours/page.html",
        status=status,
        form=form,
        kind=kind,
        kinds=[(each, _(KIND_NAMES[each]), offered(calendar, each)) for each in KINDS],
        days=[
            {
                "name": _(DAY_NAMES[day]),
                "number": day,
                "windows": [span(window) for window in windows],
                "strip": scale.strip(
                    windows,
                    spans(windows),
                    mark=now.time() if day == now.weekday() else None,
                ),
                "today": day == now.weekday(),
            }
            for day, windows in enumerate(week)
        ],
        axis=scale.axis(),
        special=special_days(calendar.exceptions),
        unsaid=list(holidays_unsaid(calendar, now.date())),
        calendar=calendar,
        holiday_hours=[(str(each), _(words)) for each, words in HOLIDAY_HOURS.items()],
        outside=_outside(calendar, booked, place.zone),
        windows=WINDOWS - 1,
        today=now.date(),
    )


def _day_page(
    place: Place,
    kind: OpeningKind,
    day: int,
    week: dict[int, list[Window]],
    form: Form,
    *,
    status: int = 200,
) -> HTMLResponse:
    return place.page(
        "hours/day.html",
        status=status,
        form=form,
        kind=kind,
        kind_name=_(KIND_NAMES.get(kind, "")),
        day=day,
        day_name=_(DAY_NAMES[day]),
        others=[(one, _(name)) for one, name in enumerate(DAY_NAMES) if one != day],
        seen={one: spelt(week.get(one, [])) for one in range(7)},
        windows=max(WINDOWS, len(week.get(day, []))),
    )


async def _day_conflict(
    place: Place, kind: OpeningKind, day: int, days: Sequence[int], mine: Sequence[Window]
) -> HTMLResponse:
    """Show both, and let the visitor choose: nothing is merged, nothing is lost."""
    async with place.session() as session:
        week = await read_week(session, place.restaurant_id, kind)
        who = await last_change(session, place.restaurant_id, f"opening_rule:{kind}")
    return place.page(
        "hours/conflict.html",
        status=409,
        back=place.url(f"/config/hours?kind={kind}"),
        action=place.url(f"/config/hours/{kind}/days/{day}"),
        who=who,
        now=datetime.now(place.zone),
        lines=[(_(DAY_NAMES[one]), spans(week.get(one, [])), spans(mine)) for one in days],
        typed=[
            *windows_typed(mine).items(),
            *(("also", str(one)) for one in days),
            *((f"seen-{one}", spelt(week.get(one, []))) for one in range(7)),
        ],
    )


def _week(calendar: Calendar, kind: OpeningKind) -> list[list[Window]]:
    of_kind = [window for window in calendar.week if window.kind is kind]
    return [
        sorted((window.opens, window.closes) for window in of_kind if window.weekday == day)
        for day in range(7)
    ]


def _outside(calendar: Calendar, booked: Sequence[Booked], zone: ZoneInfo) -> list[Booked]:
    """The reservations to come at whose time the restaurant takes none."""
    if not offered(calendar, OpeningKind.RESERVATION):
        return []
    return [
        one
        for one in booked
        if not what_happens(calendar, OpeningKind.RESERVATION, one.at.astimezone(zone)).open
    ]
