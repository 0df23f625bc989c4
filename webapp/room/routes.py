"""The dining room: areas with their tables, combinations, services. One part is changed at a time,
the plan is checked and written whole (`controlplane/restaurants/set_dining_plan.py`).
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.restaurants.dining_plan import DiningPlan
from controlplane.restaurants.set_dining_plan import read_plan, write_plan
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from webapp.forms import Form
from webapp.place import ManagerHere, Place
from webapp.room import words
from webapp.room.forms import (
    SPARE_ROWS,
    digest,
    fill_area,
    fill_combinations,
    fill_shift,
    read_area,
    read_combinations,
    read_shift,
    rows_of,
    whole,
)
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/config/room", include_in_schema=False)

T = TypeVar("T")
NEW = "new"


@router.get("")
async def room_page(place: ManagerHere) -> HTMLResponse:
    """Show the whole room."""
    plan = await _plan(place)
    return place.page("room/room.html", plan=plan, seen=digest(plan), words=words)


@router.get("/areas/{at}")
async def area_page(place: ManagerHere, at: str) -> HTMLResponse:
    """Show an area's tables, and rows for more."""
    plan = await _plan(place)
    return _area_page(place, plan, at, fill_area(_part(plan.areas, at)))


@router.post("/areas/{at}")
async def save_area(place: ManagerHere, at: str, request: Request) -> Response:
    """Write an area with its tables; those that are left out are given to nobody any more."""
    form, plan = await Form.read(request), await _plan(place)
    _part(plan.areas, at)
    if stale := form.text("seen") != digest(plan):
        return _area_page(place, plan, at, form, status=409, stale=stale)
    area = read_area(form)
    changed = area and whole(form, plan, areas=_put(plan.areas, at, area))
    if not changed:
        return _area_page(place, plan, at, form, status=422)
    said = _("Les tables sont enregistrées.")
    written = await _write(place, changed, said, over=plan)
    return written or _area_page(place, await _plan(place), at, form, status=409, stale=True)


@router.post("/areas/{at}/remove")
async def remove_area(place: ManagerHere, at: str, request: Request) -> Response:
    """Give the area's tables to nobody any more; who has one keeps it."""
    form, plan = await Form.read(request), await _plan(place)
    gone = _part(plan.areas, at)
    if form.text("seen") != digest(plan) or gone is None:
        return _area_page(place, plan, at, fill_area(gone), status=409, stale=True)
    changed = whole(form, plan, areas=tuple(one for one in plan.areas if one is not gone))
    if changed is None:
        refused = fill_area(gone)
        refused.errors.update(form.errors)
        return _area_page(place, plan, at, refused, status=422)
    said = _("Ces tables ne sont plus données à personne.")
    written = await _write(place, changed, said, over=plan)
    return written or _area_page(
        place, await _plan(place), at, fill_area(gone), status=409, stale=True
    )


@router.get("/combinations")
async def combinations_page(place: ManagerHere) -> HTMLResponse:
    """Show which tables are pushed together."""
    plan = await _plan(place)
    return _combinations_page(place, plan, fill_combinations(plan))


@router.post("/combinations")
async def save_combinations(place: ManagerHere, request: Request) -> Response:
    """Write all of them; a line that is emptied is gone."""
    form, plan = await Form.read(request), await _plan(place)
    if form.text("seen") != digest(plan):
        return _combinations_page(place, plan, form, status=409, stale=True)
    read = read_combinations(form)
    changed = None if read is None else whole(form, plan, combinations=read)
    if changed is None:
        return _combinations_page(place, plan, form, status=422)
    said = _("Les tables réunies sont enregistrées.")
    written = await _write(place, changed, said, over=plan)
    return written or _combinations_page(place, await _plan(place), form, status=409, stale=True)


@router.get("/services/{at}")
async def service_page(place: ManagerHere, at: str) -> HTMLResponse:
    """Show when a service takes guests, and how many."""
    plan = await _plan(place)
    return _service_page(place, plan, at, fill_shift(_part(plan.shifts, at)))


@router.post("/services/{at}")
async def save_service(place: ManagerHere, at: str, request: Request) -> Response:
    """Write a service; the next reservation goes by it."""
    form, plan = await Form.read(request), await _plan(place)
    _part(plan.shifts, at)
    if form.text("seen") != digest(plan):
        return _service_page(place, plan, at, form, status=409, stale=True)
    shift = read_shift(form)
    changed = shift and whole(form, plan, shifts=_put(plan.shifts, at, shift))
    if not changed:
        return _service_page(place, plan, at, form, status=422)
    said = _("Le service est enregistré.")
    written = await _write(place, changed, said, over=plan)
    return written or _service_page(place, await _plan(place), at, form, status=409, stale=True)


@router.post("/services/{at}/remove")
async def remove_service(place: ManagerHere, at: str, request: Request) -> Response:
    """Take no reservation in it any more; those that are taken stay."""
    form, plan = await Form.read(request), await _plan(place)
    gone = _part(plan.shifts, at)
    if form.text("seen") != digest(plan) or gone is None:
        return _service_page(place, plan, at, fill_shift(gone), status=409, stale=True)
    kept = tuple(one for one in plan.shifts if one is not gone)
    changed = plan.model_copy(update={"shifts": kept})
    said = _("Ce service ne prend plus de réservation.")
    written = await _write(place, changed, said, over=plan)
    return written or _service_page(
        place, await _plan(place), at, fill_shift(gone), status=409, stale=True
    )


async def _plan(place: Place) -> DiningPlan:
    async with place.session() as session:
        return await read_plan(session, place.restaurant_id)


async def _write(place: Place, plan: DiningPlan, said: str, *, over: DiningPlan) -> Response | None:
    """Write it in the place of the plan it was made of; None when that is there no more."""
    try:
        async with place.session() as session, session.begin():
            await write_plan(session, place.restaurant_id, plan, over=over, actor=place.actor)
    except ChangedMeanwhile:
        return None
    return place.back("/config/room", said=said)


def _area_page(
    place: Place, plan: DiningPlan, at: str, form: Form, *, status: int = 200, stale: bool = False
) -> HTMLResponse:
    rows = _rows(form, "table")
    return _page(place, "area", plan, form, status=status, at=at, rows=rows, stale=stale)


def _combinations_page(
    place: Place, plan: DiningPlan, form: Form, *, status: int = 200, stale: bool = False
) -> HTMLResponse:
    rows = _rows(form, "tables")
    return _page(place, "combinations", plan, form, status=status, rows=rows, stale=stale)


def _service_page(
    place: Place, plan: DiningPlan, at: str, form: Form, *, status: int = 200, stale: bool = False
) -> HTMLResponse:
    rows = _rows(form, "party", spare=2)
    return _page(place, "service", plan, form, status=status, at=at, rows=rows, stale=stale)


def _page(place: Place, name: str, plan: DiningPlan, form: Form, **data: Any) -> HTMLResponse:
    return place.page(
        f"room/{name}.html", plan=plan, seen=digest(plan), form=form, words=words, **data
    )


def _rows(form: Form, prefix: str, *, spare: int = SPARE_ROWS) -> range:
    """As many as are written, and some more."""
    return range(max(rows_of(form, prefix), default=-1) + 1 + spare)


def _part(parts: Sequence[T], at: str) -> T | None:
    """The part of that number in the plan; None is a new one."""
    if at == NEW:
        return None
    if not (at.isascii() and at.isdigit()) or int(at[:4]) >= len(parts):
        raise HTTPException(404)
    return parts[int(at[:4])]


def _put(parts: Sequence[T], at: str, part: T) -> tuple[T, ...]:
    if at == NEW:
        return (*parts, part)
    return tuple(part if n == int(at) else one for n, one in enumerate(parts))
