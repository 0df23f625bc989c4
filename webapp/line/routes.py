"""The restaurant's line: how it stands, its SIP account, and how its telephone is forwarded."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.contracts.sip_credentials import InvalidGateway
from controlplane.registrations.report import AccountReport
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.set_account import Account, SipUser, set_account
from controlplane.restaurants.setup_errors import ChangedMeanwhile
from webapp.forms import Form, read_whole
from webapp.hours.queries import last_change, the_restaurant
from webapp.line.forwarding import forwardings, national
from webapp.line.queries import carriers, the_account
from webapp.line.words import refused, standing
from webapp.place import ManagerHere, OwnerHere, Place
from webapp.words import _

LINE: Final = "/config/line"
ACCOUNT: Final = f"{LINE}/account"

router: Final = APIRouter(prefix="/place/{restaurant_id}/config/line", include_in_schema=False)


@router.get("")
async def line(place: ManagerHere) -> HTMLResponse:
    """Show how the line stands, and how the restaurant's telephone is forwarded to it."""
    async with place.session() as session:
        account = await the_account(session, place.restaurant_id)
    own = place.frame.phone_e164
    dialled = national(account.username, own=own) if account else None
    return place.page(
        "line/page.html",
        account=account,
        told=standing(account, datetime.now(place.zone)) if account else None,
        own_phone=own,
        dialled=dialled,
        forwardings=forwardings(dialled),
    )


@router.get("/account")
async def account_form(place: OwnerHere) -> HTMLResponse:
    """Show the account in a form, which never has its password."""
    place.require_recent_password(ACCOUNT)
    async with place.session() as session:
        account = await the_account(session, place.restaurant_id)
        known = await carriers(session)
    return _form_page(place, known, account, Form(_typed(account)))


@router.post("/account")
async def save_account(place: OwnerHere, request: Request) -> Response:
    """Give the line this account; it is registered anew within seconds."""
    place.require_recent_password(ACCOUNT)
    form = await Form.read(request)
    seen = read_whole(form.text("seen"))
    wanted = Account(
        carrier_id=form.text("carrier"),
        user=SipUser.typed(form.text("username"), form.text("auth_username") or None),
        password=form.values.get("password") or None,
    )
    try:
        async with place.session() as session, session.begin():
            restaurant = await the_restaurant(session, place.restaurant_id)
            await set_account(
                session,
                restaurant,
                wanted,
                box=place.site.box,
                actor=place.actor,
                seen=seen or 0,
            )
    except ChangedMeanwhile:
        return await _changed_meanwhile(place, form)
    except (InvalidGateway, RestaurantError) as error:
        form.fail(*refused(error))
    else:
        said = _("Compte enregistré. La ligne s’enregistre de nouveau chez l’opérateur.")
        return place.back(LINE, said=said)
    async with place.session() as session:
        account = await the_account(session, place.restaurant_id)
        known = await carriers(session)
    return _form_page(place, known, account, form, status=422)


async def _changed_meanwhile(place: Place, form: Form) -> HTMLResponse:
    """Show what was typed, and say what is there: a password is never sent back, so it is typed
    again by whoever goes on.
    """
    async with place.session() as session:
        account = await the_account(session, place.restaurant_id)
        known = await carriers(session)
        who = await last_change(session, place.restaurant_id, "sip_registration")
    sentence = _(
        "%(name)s a enregistré l’identifiant %(username)s entre-temps. Vérifiez le vôtre, retapez"
        " le mot de passe, puis enregistrez pour le remplacer.",
        name=who.name if who else _("Quelqu’un"),
        username=_typed(account).get("username", ""),
    )
    form.fail("password", sentence)
    return _form_page(place, known, account, form, status=409)


def _form_page(
    place: Place,
    known: object,
    account: AccountReport | None,
    form: Form,
    *,
    status: int = 200,
) -> HTMLResponse:
    return place.page(
        "line/account.html",
        status=status,
        form=form,
        carriers=known,
        new=account is None,
        version=account.config_version if account else 0,
    )


def _typed(account: AccountReport | None) -> dict[str, str]:
    """Return the values with which the form shows an account."""
    if account is None:
        return {}
    at = f"@{account.domain}" if account.domain else ""
    return {
        "carrier": account.carrier,
        "username": f"{account.username}{at}",
        "auth_username": account.auth_username or "",
    }
