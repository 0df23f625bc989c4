"""What runs out, in one tap, by whoever works there."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from controlplane.restaurants.menu_portions import count_portions
from controlplane.restaurants.menu_sold_out import OnSale, back_at, set_available
from controlplane.restaurants.opening_hours import find_calendar
from webapp import show
from webapp.forms import Form, read_whole
from webapp.place import StaffHere
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)

MOST_PORTIONS = 10_000


@router.post("/stock/{what}/{id}")
async def available(what: OnSale, id: UUID, place: StaffHere, request: Request) -> Response:
    """Take a dish, an option or an ingredient off sale until the next day's opening, or put it
    back.
    """
    back = (await Form.read(request)).text("available") == "1"
    now = datetime.now(UTC)
    async with place.session() as session, session.begin():
        until = None
        if not back:
            until = back_at(await find_calendar(session, place.restaurant_id, now), now)
        name = await set_available(
            session, place.restaurant_id, what, id, sold_out_until=until, actor=place.actor
        )
    said = _("%(name)s : de nouveau disponible.", name=name)
    if until is not None:
        here = until.astimezone(place.zone)
        when = show.until(here, now=now.astimezone(place.zone))
        said = _("%(name)s : épuisé, de retour %(when)s.", name=name, when=when)
    return place.back(f"/menu#{'d' if what is OnSale.DISH else 's'}-{id}", said=said)


@router.post("/items/{item_id}/portions")
async def portions(item_id: UUID, place: StaffHere, request: Request) -> Response:
    """Count the dish's portions from now on; an empty field counts them no more."""
    typed = (await Form.read(request)).text("left")
    left = read_whole(typed)
    if typed and (left is None or left > MOST_PORTIONS):
        return place.back("/menu", said=_("Écrivez un nombre de portions, de 0 à 10 000."))
    async with place.session() as session, session.begin():
        name = await count_portions(
            session, place.restaurant_id, item_id, left=left, actor=place.actor
        )
    said = _("%(name)s : il en reste %(left)s.", name=name, left=left)
    if left is None:
        said = _("%(name)s : les portions ne sont plus comptées.", name=name)
    return place.back(f"/menu#d-{item_id}", said=said)
