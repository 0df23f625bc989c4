"""Setting a restaurant up, step by step: each a page over the rules that its own page has too.

What is done is asked of what there is, so it may be left and taken up again at any time.
"""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from controlplane.contracts.opening import OpeningKind
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.going_live import SetUp, go_live, read_progress
from controlplane.restaurants.set_hours import set_week
from controlplane.restaurants.set_identity import Identity, identity_of, set_identity
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from webapp.forms import Form
from webapp.hours.forms import read_windows
from webapp.hours.queries import last_change, the_restaurant
from webapp.hours.words import DAY_NAMES
from webapp.line.forwarding import national
from webapp.line.queries import the_account
from webapp.place import ManagerHere, OwnerHere, Place
from webapp.start.words import STEP_NAMES, STEP_WHY, refused
from webapp.words import _

START: Final = "/start"
FIELDS: Final = ("name", "spoken_name", "address", "phone")

router: Final = APIRouter(prefix="/place/{restaurant_id}/start", include_in_schema=False)


@router.get("")
async def start(place: ManagerHere) -> RedirectResponse:
    """Lead to the first step that is not done; to the last when all are."""
    async with place.session() as session:
        progress = await read_progress(session, place.restaurant_id)
    step = progress.next_step or SetUp.CALL
    return RedirectResponse(place.url(f"{START}/{step}"), 303)


@router.get("/{step}")
async def show_step(place: ManagerHere, step: SetUp) -> HTMLResponse:
    """Show a step: why it is there, how far it is, and what to do."""
    return await _page(place, step, Form())


@router.post("/restaurant")
async def save_restaurant(place: OwnerHere, request: Request) -> Response:
    """Be called and found so."""
    form = await Form.read(request)
    wanted = Identity(**{name: form.text(name) for name in FIELDS})
    seen = Identity(**{name: form.values.get(f"seen-{name}", "") for name in FIELDS})
    try:
        async with place.session() as session, session.begin():
            restaurant = await the_restaurant(session, place.restaurant_id)
            await set_identity(session, restaurant, wanted, actor=place.actor, seen=seen)
    except ChangedMeanwhile:
        return await _conflict(place, wanted)
    except Refused as error:
        form.fail("name", refused(error))
        return await _page(place, SetUp.RESTAURANT, form, status=422)
    return place.back(f"{START}/{SetUp.MENU}", said=_("Restaurant enregistré."))


@router.post("/opening")
async def save_opening(place: ManagerHere, request: Request) -> Response:
    """Open at these hours on weekdays that have none yet, for take-away and on site."""
    form = await Form.read(request)
    windows = read_windows(form)
    days = [int(day) for day in form.all("days") if day in set("0123456")]
    if not windows:
        form.fail("opens-0", _("Donnez au moins une plage, ou choisissez « Fermé »."))
    if not days:
        form.fail("days", _("Cochez au moins un jour."))
    if not form.errors:
        try:
            async with place.session() as session, session.begin():
                for kind in (OpeningKind.PICKUP, OpeningKind.ON_SITE):
                    week = dict.fromkeys(days, windows)
                    await set_week(
                        session, place.restaurant_id, kind, week, actor=place.actor, seen={}
                    )
        except ChangedMeanwhile:
            form.fail("days", _("Ces jours ont déjà des horaires : ouvrez-les pour les changer."))
        except Refused as error:
            form.fail("opens-0", refused(error))
        else:
            return place.back(f"{START}/{SetUp.VOICE}", said=_("Horaires enregistrés."))
    return await _page(place, SetUp.OPENING, form, status=422)


@router.post("/live")
async def start_serving(place: OwnerHere) -> Response:
    """Serve callers from now on."""
    form = Form()
    try:
        async with place.session() as session, session.begin():
            restaurant = await the_restaurant(session, place.restaurant_id)
            await go_live(session, restaurant, actor=place.actor)
    except Refused as error:
        form.fail("", refused(error))
        return await _page(place, SetUp.LIVE, form, status=422)
    said = _("En service : la ligne s’enregistre, dans moins d’une minute l’IA répond.")
    return place.back(f"{START}/{SetUp.CALL}", said=said)


async def _page(place: Place, step: SetUp, form: Form, *, status: int = 200) -> HTMLResponse:
    async with place.session() as session:
        restaurant = await the_restaurant(session, place.restaurant_id)
        progress = await read_progress(session, place.restaurant_id)
        account = await the_account(session, place.restaurant_id)
    identity = identity_of(restaurant)
    steps = list(SetUp)
    after = steps.index(step) + 1
    return place.page(
        "start/page.html",
        status=status,
        form=form,
        step=step,
        title=_(STEP_NAMES[step]),
        why=_(STEP_WHY[step]),
        steps=[(one, _(STEP_NAMES[one]), one in progress.done) for one in steps],
        following=steps[after] if after < len(steps) else None,
        progress=progress,
        identity=identity,
        seen={name: getattr(identity, name) for name in FIELDS},
        day_names=[_(name) for name in DAY_NAMES],
        registered=account is not None and account.registered,
        dialled=national(account.username, own=identity.phone) if account else None,
        now=datetime.now(place.zone),
    )


async def _conflict(place: Place, mine: Identity) -> HTMLResponse:
    async with place.session() as session:
        theirs = identity_of(await the_restaurant(session, place.restaurant_id))
        who = await last_change(session, place.restaurant_id, "restaurant")
    names = {
        "name": _("Nom"),
        "spoken_name": _("Nom dit"),
        "address": _("Adresse"),
        "phone": _("Téléphone"),
    }
    return place.page(
        "hours/conflict.html",
        status=409,
        back=place.url(f"{START}/{SetUp.RESTAURANT}"),
        action=place.url(f"{START}/{SetUp.RESTAURANT}"),
        who=who,
        now=datetime.now(place.zone),
        lines=[(names[one], getattr(theirs, one), getattr(mine, one)) for one in FIELDS],
        typed=[
            *((one, getattr(mine, one)) for one in FIELDS),
            *((f"seen-{one}", getattr(theirs, one)) for one in FIELDS),
        ],
    )
