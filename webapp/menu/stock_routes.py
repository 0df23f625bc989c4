"""What runs out, in one tap, by whoever works there."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from controlplane.restaurants.menu_portions import count_portions
from webapp.forms import Form
from webapp.place import StaffHere
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/menu", include_in_schema=False)

MOST_PORTIONS = 10_000


@router.post("/items/{item_id}/portions")
async def portions(item_id: UUID, place: StaffHere, request: Request) -> Response:
    """Count the dish's portions from now on; an empty field counts them no more."""
    typed = (await Form.read(request)).text("left")
    left = int(typed) if typed.isdecimal() and int(typed) <= MOST_PORTIONS else None
    if typed and left is None:
        return place.back("/menu", said=_("Écrivez un nombre de portions, de 0 à 10 000."))
    async with place.session() as session, session.begin():
        name = await count_portions(
            session, place.restaurant_id, item_id, left=left, actor=place.actor
        )
    said = _("%(name)s : il en reste %(left)s.", name=name, left=left)
    if left is None:
        said = _("%(name)s : les portions ne sont plus comptées.", name=name)
    return place.back(f"/menu#d-{item_id}", said=said)
