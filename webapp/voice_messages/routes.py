"""What callers left when nobody could answer is heard, and they are called back."""

from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from controlplane.restaurants.voice_messages import mark_heard
from webapp.kitchen.messages import messages_to_show
from webapp.kitchen.queries import kitchen_of
from webapp.place import StaffHere
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/messages", include_in_schema=False)


@router.get("")
async def messages(place: StaffHere) -> HTMLResponse:
    """Show those that nobody has heard, and those of the last days."""
    async with place.session() as session:
        found = await messages_to_show(session, kitchen_of(place))
    waiting = sum(not message.heard for message in found)
    return place.page("voice_messages/page.html", messages=found, waiting=waiting)


@router.post("/{message_id}/heard")
async def heard(message_id: UUID, place: StaffHere) -> Response:
    """Note that somebody has listened to it; every screen shows so."""
    async with place.session() as session, session.begin():
        await mark_heard(session, place.restaurant_id, message_id)
    return place.back("/messages", said=_("C’est noté : ce message est écouté."))
