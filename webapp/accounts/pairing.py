"""The tablet's side of pairing: a code that the team page shows opens the kitchen here, and nothing
else.
"""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from controlplane.restaurants.devices import pair, restaurant_of_code
from controlplane.restaurants.people_errors import TooManyTries
from controlplane.restaurants.try_limits import PAIR_NETWORK, TryLimits
from controlplane.tenancy import restaurant_session
from webapp.accounts import words
from webapp.accounts.arrival import lead
from webapp.accounts.pages import gate_page
from webapp.accounts.places import KITCHEN
from webapp.accounts.tries import network_of
from webapp.forms import Form
from webapp.site import SiteHere
from webapp.visitor import remember_device
from webapp.words import _

router = APIRouter(prefix="/pair", include_in_schema=False)


@router.get("")
async def pair_page(request: Request, site: SiteHere) -> Response:
    """Ask for the code."""
    return gate_page(request, site, "accounts/pair.html", form=Form())


@router.post("")
async def pair_here(request: Request, site: SiteHere) -> Response:
    """Pair this tablet with the restaurant whose code it is."""
    form = await Form.read(request)
    limits, network = TryLimits(site.redis), network_of(request)
    try:
        await limits.take(PAIR_NETWORK, network)
    except TooManyTries as error:
        form.fail("code", words.said(error))
        return gate_page(request, site, "accounts/pair.html", status=429, form=form)
    code, token = form.text("code"), None
    async with site.sessions() as session:
        restaurant_id = await restaurant_of_code(session, code)
    if restaurant_id is not None:
        async with restaurant_session(site.sessions, restaurant_id) as session, session.begin():
            token = await pair(session, restaurant_id, code, now=datetime.now(UTC))
    if token is None:
        form.fail(
            "code", _("Aucune tablette n’attend ce code. Vérifiez-le, ou demandez-en un autre.")
        )
        return gate_page(request, site, "accounts/pair.html", status=422, form=form)
    await limits.give_back(PAIR_NETWORK, network)
    answer = lead(f"/place/{restaurant_id}{KITCHEN}")
    remember_device(answer, site, token)
    return answer
