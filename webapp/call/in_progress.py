"""A call in progress is taken over, or ended: its bridge is asked, and says whether it does so."""

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.contracts.call_requests import EndCall, PutThrough
from controlplane.contracts.identifiers import new_id
from controlplane.restaurants.call_errors import UnknownCall
from controlplane.restaurants.call_requests import ask_bridge, note_request
from controlplane.restaurants.errors import RestaurantError
from webapp.call.page import read_call
from webapp.call.words import why_refused
from webapp.forms import Form
from webapp.place import Place, StaffHere
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/calls/{call_id}", include_in_schema=False)


@router.post("/take")
async def take(call_id: UUID, place: StaffHere, request: Request) -> Response:
    """Have the caller put through to somebody whom the restaurant lists, or to its own phone."""
    target = (await Form.read(request)).text("target")
    try:
        target_id = UUID(target) if target else None
    except ValueError as error:
        raise HTTPException(404) from error
    said = _(
        "C’est demandé : le téléphone va sonner. Si personne ne décroche, l’IA reprend l’appel."
    )
    return await _ask(place, call_id, PutThrough(id=new_id(), target_id=target_id), said=said)


@router.get("/end")
async def ask_first(call_id: UUID, place: StaffHere) -> HTMLResponse:
    """Ask whether the call is to end, and say what its caller will hear."""
    async with place.session() as session:
        shown = await read_call(place, session, call_id)
    if shown is None or not shown.live:
        raise HTTPException(404)
    return place.page("call/end.html", call=shown)


@router.post("/end")
async def end(call_id: UUID, place: StaffHere) -> Response:
    """Have the assistant take leave of the caller, and hang up."""
    said = _("C’est demandé : l’IA prend congé, puis raccroche.")
    return await _ask(place, call_id, EndCall(id=new_id()), said=said)


async def _ask(
    place: Place, call_id: UUID, request: PutThrough | EndCall, *, said: str
) -> Response:
    """It is on record before anybody is asked; no database session waits for a bridge."""
    try:
        async with place.session() as session, session.begin():
            bridge_id = await note_request(
                session, place.restaurant_id, call_id, request, actor=place.actor
            )
        await ask_bridge(place.site.redis, bridge_id, call_id, request)
    except UnknownCall:
        raise
    except RestaurantError as error:
        said = why_refused(error)
    return place.back(f"/calls/{call_id}", said=said)
