"""One call, live or past at the same address: what was heard, what came of it, what was wrong."""

from collections.abc import Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.models.call_case import CaseKind
from controlplane.restaurants.call_cases import Wrong, report_wrong
from controlplane.restaurants.call_errors import UnknownCall
from controlplane.restaurants.errors import RestaurantError
from webapp.call.page import CallShown, read_call
from webapp.call.shown import shown_data
from webapp.call.words import KINDS, why_refused
from webapp.charts import Segment, lanes
from webapp.forms import Form
from webapp.place import Place, StaffHere
from webapp.show import call_clock
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/calls/{call_id}", include_in_schema=False)


@router.get("")
async def call(call_id: UUID, place: StaffHere) -> HTMLResponse:
    """Show the call; while it is live the page follows it."""
    newest = await place.site.feed.newest_id(place.restaurant_id)  # before the call is read
    shown = await _read(place, call_id)
    data = shown_data(place, shown)
    return place.page("call/page.html", **data, drawn=_lanes(shown), newest=newest)


@router.get("/wrong")
async def wrong_form(
    call_id: UUID, place: StaffHere, turn: Annotated[UUID | None, Query()] = None
) -> HTMLResponse:
    """Ask what was wrong, in one turn or in the whole call."""
    shown = await _read(place, call_id)
    return _wrong_page(place, shown, Form(values={"turn": str(turn or "")}))


@router.post("/wrong")
async def report(call_id: UUID, place: StaffHere, request: Request) -> Response:
    """Make a case of it, and go back to the call."""
    form = await Form.read(request)
    wrong = _wrong(call_id, form)
    if wrong is not None:
        try:
            async with place.session() as session, session.begin():
                await report_wrong(session, place.restaurant_id, wrong, actor=place.actor)
            return place.back(
                f"/calls/{call_id}",
                said=_("C’est noté : cet appel rejoint les cas de test de l’IA."),
            )
        except UnknownCall:
            raise
        except RestaurantError as error:
            form.fail("better", why_refused(error))
    return _wrong_page(place, await _read(place, call_id), form, status=422)


def _wrong(call_id: UUID, form: Form) -> Wrong | None:
    """Read what was reported; None when the form lacks something, which it is told."""
    kind = form.text("kind")
    if kind not in {*CaseKind}:
        form.fail("kind", _("Choisissez ce qui était faux."))
        return None
    try:
        turn_id = UUID(form.text("turn")) if form.text("turn") else None
    except ValueError:
        turn_id = None
    return Wrong(call_id=call_id, turn_id=turn_id, kind=CaseKind(kind), better=form.text("better"))


def _wrong_page(place: Place, shown: CallShown, form: Form, *, status: int = 200) -> HTMLResponse:
    asked = form.text("turn")
    quoted = next((each.turn for each in shown.moments if str(each.turn.id) == asked), None)
    return place.page(
        "call/wrong.html",
        status=status,
        call=shown,
        form=form,
        quoted=quoted,
        kinds=[(kind.value, _(words)) for kind, words in KINDS],
    )


async def _read(place: Place, call_id: UUID) -> CallShown:
    async with place.session() as session:
        shown = await read_call(place, session, call_id)
    if shown is None:
        raise HTTPException(404)
    return shown


def _lanes(shown: CallShown) -> Any:
    """Draw who spoke when; None where nothing was said."""
    segments = [*_greeting(shown), *_spoken(shown)]
    tools = [each.from_ms for each in shown.moments if each.turn.role == "tool"]
    if not segments:
        return None
    end = max([shown.duration_ms, *(each.lost_to_ms or each.to_ms for each in segments)])
    label = _("Déroulé de l’appel, de 0:00 à %(end)s", end=call_clock(end))
    return lanes(end, segments, tools, label=label)


def _greeting(shown: CallShown) -> Iterator[Segment]:
    if shown.disclosed_ms:
        name = _("Accueil, à %(at)s", at="0:00")
        yield Segment(
            who="agent", anchor="greeting", name=name, from_ms=0, to_ms=shown.disclosed_ms
        )


def _spoken(shown: CallShown) -> Iterator[Segment]:
    for each in shown.moments:
        if each.turn.role == "tool":
            continue
        at = call_clock(each.from_ms)
        said_by = (
            _("Client, à %(at)s", at=at) if each.turn.role == "caller" else _("IA, à %(at)s", at=at)
        )
        yield Segment(
            who=each.turn.role,
            anchor=f"t-{each.turn.id}",
            name=said_by,
            from_ms=each.from_ms,
            to_ms=each.to_ms,
            lost_to_ms=each.lost_to_ms,
        )
