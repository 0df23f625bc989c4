"""Where the restaurant delivers: its zones, in the order in which they decide."""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.identifiers import new_id
from controlplane.restaurants.delivery_zones import Zone
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.set_zones import add_zone, change_zone, remove_zone
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from controlplane.restaurants.zone_rows import read_zones
from webapp.forms import Form
from webapp.hours.forms import KINDS
from webapp.hours.queries import last_change, offered, the_hours
from webapp.hours.words import KIND_NAMES
from webapp.place import ManagerHere, Place
from webapp.words import _
from webapp.zones.forms import read_seen, read_zone, typed
from webapp.zones.words import conditions, refused, where

router: Final = APIRouter(prefix="/place/{restaurant_id}/config/zones", include_in_schema=False)


@router.get("")
async def zones(place: ManagerHere) -> HTMLResponse:
    """Show the zones, and a form for another one."""
    return await _page(place, Form())


@router.post("")
async def add(place: ManagerHere, request: Request) -> Response:
    """Deliver to some postcodes too."""
    form = await Form.read(request)
    zone = read_zone(form, new_id())
    if zone is not None:
        try:
            async with place.session() as session, session.begin():
                await add_zone(session, place.restaurant_id, zone, actor=place.actor)
        except Refused as error:
            form.fail("name", refused(error))
        else:
            return place.back("/config/zones", said=_("Zone ajoutée."))
    return await _page(place, form, status=422)


@router.get("/{zone_id}")
async def edit(place: ManagerHere, zone_id: UUID) -> HTMLResponse:
    """Show a zone in a form."""
    async with place.session() as session:
        zone = await _zone(session, place, zone_id)
    return _form_page(place, zone, Form(typed(zone)))


@router.post("/{zone_id}")
async def save(place: ManagerHere, zone_id: UUID, request: Request) -> Response:
    """Change a zone's name, its conditions and, where it has no outline, what it covers."""
    form = await Form.read(request)
    async with place.session() as session:
        now = await _zone(session, place, zone_id)
    wanted = read_zone(form, zone_id, area=now.area)
    if wanted is not None:
        try:
            async with place.session() as session, session.begin():
                await change_zone(
                    session, place.restaurant_id, wanted, actor=place.actor, seen=read_seen(form)
                )
        except ChangedMeanwhile:
            return await _conflict(place, wanted)
        except Refused as error:
            form.fail("name", refused(error))
        else:
            return place.back("/config/zones", said=_("Zone enregistrée."))
    return _form_page(place, read_seen(form) or now, form, status=422)


@router.post("/{zone_id}/remove")
async def remove(place: ManagerHere, zone_id: UUID) -> RedirectResponse:
    """Deliver there no more."""
    async with place.session() as session, session.begin():
        await remove_zone(session, place.restaurant_id, zone_id, actor=place.actor)
    return place.back("/config/zones", said=_("Zone supprimée : plus de livraison là-bas."))


async def _zone(session: AsyncSession, place: Place, zone_id: UUID) -> Zone:
    for zone in await read_zones(session, place.restaurant_id):
        if zone.id == zone_id:
            return zone
    raise HTTPException(404)


async def _page(place: Place, form: Form, *, status: int = 200) -> HTMLResponse:
    async with place.session() as session:
        found = await read_zones(session, place.restaurant_id)
        today = datetime.now(place.zone).date()
        calendar = await the_hours(session, place.restaurant_id, today)
    return place.page(
        "zones/page.html",
        status=status,
        form=form,
        zones=[(zone, where(zone.area), conditions(zone)) for zone in found],
        tab_kinds=[(each, _(KIND_NAMES[each]), offered(calendar, each)) for each in KINDS],
    )


def _form_page(place: Place, zone: Zone, form: Form, *, status: int = 200) -> HTMLResponse:
    return place.page(
        "zones/edit.html", status=status, form=form, zone=zone, shape=typed(zone).keys()
    )


async def _conflict(place: Place, mine: Zone) -> HTMLResponse:
    async with place.session() as session:
        theirs = await _zone(session, place, mine.id)
        who = await last_change(session, place.restaurant_id, f"delivery_zone:{mine.id}")
    return place.page(
        "hours/conflict.html",
        status=409,
        back=place.url("/config/zones"),
        action=place.url(f"/config/zones/{mine.id}"),
        who=who,
        now=datetime.now(place.zone),
        lines=[
            (_("Nom"), theirs.name, mine.name),
            (_("Conditions"), conditions(theirs), conditions(mine)),
            (_("Où"), where(theirs.area), where(mine.area)),
        ],
        typed=[*typed(mine).items(), ("seen", theirs.to_json())],
    )
