"""What a manager lets the kitchen's page do by itself: accept small orders, colour old tickets."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.restaurants.auto_accept import AutoAccept, auto_accept_of, set_auto_accept
from controlplane.restaurants.dish_ages import USUAL, dish_ages, set_dish_ages
from webapp.forms import Form
from webapp.kitchen.queries import categories
from webapp.kitchen.settings_form import read_ages, read_auto_accept
from webapp.place import ManagerHere, Place
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/kitchen/settings", include_in_schema=False)


@router.get("")
async def kitchen_settings(place: ManagerHere) -> HTMLResponse:
    """Show what is set."""
    return await _page(place, Form())


@router.post("/auto-accept")
async def save_auto_accept(place: ManagerHere, request: Request) -> Response:
    """Set which orders are accepted without anybody's tap."""
    form = await Form.read(request)
    wanted = read_auto_accept(form)
    if wanted is None:
        return await _page(place, form, status=422)
    async with place.session() as session, session.begin():
        await set_auto_accept(session, place.restaurant_id, wanted, actor=place.actor)
    said = (
        _("Les petites commandes seront acceptées d’elles-mêmes.")
        if wanted.on
        else _("Chaque commande attend d’être acceptée.")
    )
    return place.back("/kitchen/settings", said=said)


@router.post("/ages")
async def save_ages(place: ManagerHere, request: Request) -> Response:
    """Set after how long tickets change colour."""
    form = await Form.read(request)
    async with place.session() as session:
        known = await categories(session, place.restaurant_id)
    ages = read_ages(form, known)
    if ages is None:
        return await _page(place, form, status=422)
    async with place.session() as session, session.begin():
        await set_dish_ages(session, place.restaurant_id, ages, actor=place.actor)
    return place.back("/kitchen/settings", said=_("Couleurs d’attente enregistrées."))


async def _page(place: Place, form: Form, *, status: int = 200) -> HTMLResponse:
    async with place.session() as session:
        auto: AutoAccept = await auto_accept_of(session, place.restaurant_id)
        known = await categories(session, place.restaurant_id)
        ages = await dish_ages(session, place.restaurant_id)
    return place.page(
        "kitchen/settings.html",
        status=status,
        form=form,
        auto=auto,
        ages=[(id, name, ages.get(id, USUAL)) for id, name in known],
    )
