"""The restaurant's side of pairing a kitchen's tablet: a code that is shown once, and its end."""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.models.device import Device
from controlplane.restaurants.devices import CODE_FOR, list_devices, offer_code, revoke_device
from controlplane.restaurants.people_errors import TooManyDevices
from webapp.forms import Form
from webapp.place import OwnerHere, Place
from webapp.team import words
from webapp.team.routes import TEAM, show_team
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/team/devices", include_in_schema=False)

MOST_NAME: Final = 40


@router.post("")
async def pair_a_tablet(request: Request, place: OwnerHere) -> Response:
    """Show a code, in this answer and never again: whoever leaves the page asks for another."""
    form = await Form.read(request)
    name = form.text("name")[:MOST_NAME]
    place.require_recent_password(f"{TEAM}?{urlencode({'device': name})}")
    if not name:
        form.fail("name", _("Donnez un nom à la tablette : Four, Comptoir…"))
        return await show_team(place, form, status=422)
    try:
        async with place.session() as session, session.begin():
            now = datetime.now(UTC)
            code = await offer_code(session, place.restaurant_id, name, now=now, actor=place.actor)
    except TooManyDevices as error:
        form.fail("name", words.refusal(error))
        return await show_team(place, form, status=422)
    return place.page(
        "team/code.html",
        name=name,
        code=words.grouped(code),
        minutes=int(CODE_FOR.total_seconds() // 60),
        pair_url=f"{place.site.settings.public_url.rstrip('/')}/pair",
    )


@router.get("/{device_id}")
async def device_page(device_id: UUID, place: OwnerHere) -> HTMLResponse:
    """Ask before a tablet is taken away."""
    device = await _device(place, device_id)
    return place.page("team/device.html", device=device)


@router.post("/{device_id}/revoke")
async def revoke(device_id: UUID, place: OwnerHere) -> Response:
    """Take a tablet away: it opens nothing any more, from its next page on."""
    place.require_recent_password(f"{TEAM}/devices/{device_id}")
    device = await _device(place, device_id)
    async with place.session() as session, session.begin():
        now = datetime.now(UTC)
        await revoke_device(session, place.restaurant_id, device_id, now=now, actor=place.actor)
    return place.back(TEAM, said=_("La tablette %(name)s n’ouvre plus rien.", name=device.name))


async def _device(place: Place, device_id: UUID) -> Device:
    async with place.session() as session:
        devices = await list_devices(session, place.restaurant_id, now=datetime.now(UTC))
    device = next((each for each in devices if each.id == device_id), None)
    if device is None:
        raise HTTPException(404)
    return device
