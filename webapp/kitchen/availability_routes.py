"""The kitchen's list of what is sold out."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.menu_sold_out import OnSale, back_at, set_available
from controlplane.restaurants.opening_hours import read_calendar
from webapp.kitchen.availability import things_on_sale
from webapp.kitchen.pressed import pressed
from webapp.kitchen.queries import kitchen_of
from webapp.kitchen.words import SAYS
from webapp.place import KitchenHere
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/kitchen/availability", include_in_schema=False)


@router.get("")
async def availability_page(place: KitchenHere) -> HTMLResponse:
    """Show what is sold out, and all that may be."""
    newest = await place.site.feed.newest_id(place.restaurant_id)
    async with place.session() as session:
        things = await things_on_sale(session, kitchen_of(place))
    now = datetime.now(place.zone)
    return place.page("kitchen/availability.html", **SAYS, now=now, newest=newest, things=things)


@router.post("/{what}/{id}")
async def change_availability(
    request: Request,
    what: OnSale,
    id: UUID,
    out: Annotated[Literal["yes", "no"], Form()],
    place: KitchenHere,
) -> Response:
    """Take it off sale until the next day's opening, or put it back; calls under way hear of it."""
    async with place.session() as session, session.begin():
        until = None
        if out == "yes":
            now = datetime.now(UTC)
            restaurant = await session.get_one(Restaurant, place.restaurant_id)
            until = back_at(await read_calendar(session, restaurant, now), now)
        name = await set_available(
            session, place.restaurant_id, what, id, sold_out_until=until, actor=place.actor
        )
    said = _("%(name)s : épuisé.", name=name) if until else _("%(name)s : disponible.", name=name)
    return pressed(request, place, "/kitchen/availability", said=said)
