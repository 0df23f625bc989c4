"""The kitchen's pace: how long orders take, and how much is promised a slot."""

from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from controlplane.contracts.opening import KitchenPace
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.open_orders import kitchen_pace
from controlplane.restaurants.set_kitchen import set_kitchen
from controlplane.restaurants.set_pacing import (
    add_pacing,
    change_pacing,
    pacing_rules,
    remove_pacing,
)
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from webapp.forms import Form
from webapp.hours.forms import KINDS as ALL_KINDS
from webapp.hours.queries import last_change, offered, the_hours, the_restaurant
from webapp.hours.words import DAY_NAMES, KIND_NAMES
from webapp.pace.forms import (
    KINDS,
    MOST_OF_A_SLOT,
    SLOTS,
    read_number,
    read_pace,
    read_rule,
    read_seen,
)
from webapp.pace.words import KITCHEN_UNITS, UNIT_NAMES, binds, most, refused
from webapp.place import ManagerHere, Place
from webapp.words import _

router: Final = APIRouter(prefix="/place/{restaurant_id}/config/kitchen", include_in_schema=False)


@router.get("")
async def pace(place: ManagerHere) -> HTMLResponse:
    """Show how long orders take, and what each slot takes."""
    return await _page(place, Form(), Form())


@router.post("")
async def save_pace(place: ManagerHere, request: Request) -> Response:
    """Have what is ordered from now on take so long."""
    form = await Form.read(request)
    wanted = read_pace(form)
    if wanted is None:
        return await _page(place, form, Form(), status=422)
    try:
        async with place.session() as session, session.begin():
            await set_kitchen(
                session, place.restaurant_id, wanted, actor=place.actor, seen=read_seen(form)
            )
    except ChangedMeanwhile:
        return await _conflict(place, wanted)
    said = _("Temps de préparation enregistré. Il vaut dès la prochaine commande.")
    return place.back("/config/kitchen", said=said)


@router.post("/rules")
async def add_rule(place: ManagerHere, request: Request) -> Response:
    """Promise no more than this a slot, beside what other rules say."""
    form = await Form.read(request)
    wanted = read_rule(form)
    if wanted is not None:
        try:
            async with place.session() as session, session.begin():
                await add_pacing(session, place.restaurant_id, wanted, actor=place.actor)
        except Refused as error:
            form.fail("most", refused(error))
        else:
            return place.back("/config/kitchen", said=_("Limite ajoutée."))
    return await _page(place, Form(), form, status=422)


@router.post("/rules/{rule_id}")
async def change_rule(place: ManagerHere, rule_id: UUID, request: Request) -> Response:
    """Allow more or less a slot; what is promised already stays."""
    form = await Form.read(request)
    allowed = read_number(form, "most", at_most=MOST_OF_A_SLOT, at_least=1)
    if allowed is None:
        return await _page(place, Form(), form, status=422)
    factor = 100 if form.text("unit") == "cents" else 1
    async with place.session() as session, session.begin():
        await change_pacing(
            session, place.restaurant_id, rule_id, allowed * factor, actor=place.actor
        )
    return place.back("/config/kitchen", said=_("Limite modifiée."))


@router.post("/rules/{rule_id}/remove")
async def remove_rule(place: ManagerHere, rule_id: UUID) -> RedirectResponse:
    """Limit slots by this rule no more."""
    async with place.session() as session, session.begin():
        await remove_pacing(session, place.restaurant_id, rule_id, actor=place.actor)
    return place.back("/config/kitchen", said=_("Limite supprimée."))


async def _page(place: Place, form: Form, rule_form: Form, *, status: int = 200) -> HTMLResponse:
    async with place.session() as session:
        today = datetime.now(place.zone).date()
        calendar = await the_hours(session, place.restaurant_id, today)
        rules = await pacing_rules(session, place.restaurant_id)
    pace = calendar.kitchen
    shown = {
        "least_minutes": pace.least_minutes,
        "most_minutes": pace.most_minutes,
        "seconds_per_unit": pace.seconds_per_unit,
        "unit": pace.unit,
    }
    return place.page(
        "pace/page.html",
        status=status,
        form=form,
        rule_form=rule_form,
        shown=shown,
        seen=pace.to_json(),
        tab_kinds=[(each, _(KIND_NAMES[each]), offered(calendar, each)) for each in ALL_KINDS],
        kitchen_units=[(str(each), _(words)) for each, words in KITCHEN_UNITS.items()],
        rules=[(rule, most(rule), binds(rule)) for rule in rules],
        kinds=[(each, _(KIND_NAMES[each])) for each in KINDS],
        units=[(str(each), _(words)) for each, words in UNIT_NAMES.items()],
        slots=[(each, _("%(minutes)s min", minutes=each)) for each in SLOTS],
        day_names=[_(name) for name in DAY_NAMES],
    )


async def _conflict(place: Place, mine: KitchenPace) -> HTMLResponse:
    async with place.session() as session:
        restaurant = await the_restaurant(session, place.restaurant_id)
        who = await last_change(session, place.restaurant_id, "kitchen")
    theirs = kitchen_pace(restaurant)
    return place.page(
        "hours/conflict.html",
        status=409,
        back=place.url("/config/kitchen"),
        action=place.url("/config/kitchen"),
        who=who,
        now=datetime.now(place.zone),
        lines=[(_("Préparation"), _spelt(theirs), _spelt(mine))],
        typed=[
            *((name, str(value)) for name, value in mine.model_dump(mode="json").items()),
            ("seen", theirs.to_json()),
        ],
    )


def _spelt(pace: KitchenPace) -> str:
    return _(
        "de %(least)s à %(most)s min, + %(seconds)s s pour %(unit)s",
        least=pace.least_minutes,
        most=pace.most_minutes,
        seconds=pace.seconds_per_unit,
        unit=_(KITCHEN_UNITS[pace.unit]),
    )
