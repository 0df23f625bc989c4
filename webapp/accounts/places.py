"""Where somebody lands who is signed in, and how they go to another restaurant of theirs."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from controlplane.models.membership import Role
from controlplane.restaurants.team import workplaces
from webapp.accounts.arrival import lead, speak
from webapp.accounts.browsers import is_tablet
from webapp.accounts.pages import gate_page
from webapp.forms import Form
from webapp.platform.office import is_of_the_platform
from webapp.site import SiteHere
from webapp.visitor import UserHere, local_path
from webapp.words import LANGUAGES

KITCHEN: Final = "/kitchen"

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home(request: Request, site: SiteHere, user: UserHere) -> Response:
    """Lead to the user's only restaurant, or let them choose; staff on a tablet cook, who works for
    the platform runs it.
    """
    async with site.sessions() as session:
        places = await workplaces(session, user.user_id)
    if not places and await is_of_the_platform(site, user):
        return lead("/plateforme/ponts")
    if len(places) != 1:
        return lead("/places")
    (place,) = places
    cooks = place.role is Role.STAFF and is_tablet(request.headers.get("user-agent", ""))
    return lead(f"/place/{place.restaurant_id}{KITCHEN if cooks else ''}")


@router.get("/places")
async def places_page(request: Request, site: SiteHere, user: UserHere) -> Response:
    """Show the user's restaurants."""
    async with site.sessions() as session:
        places = await workplaces(session, user.user_id)
    return gate_page(request, site, "accounts/places.html", places=places, user=user)


@router.post("/language")
async def choose_language(request: Request, site: SiteHere) -> Response:
    """Speak another language in this browser."""
    form = await Form.read(request)
    answer = lead(local_path(form.text("next"), "/login"))
    if (chosen := form.text("language")) in LANGUAGES:
        speak(answer, site, chosen)
    return answer
