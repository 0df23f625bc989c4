"""What a customer may ask for (RGPD, art. 15, 17, 20): a copy of what is known, to be forgotten.

The owner alone, who proved it minutes ago: a copy holds every word, and nothing brings back what is
erased.
"""

import json
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.contracts.clean_text import clean_text
from controlplane.errors import ServiceUnavailable
from controlplane.restaurants.erase_caller import Part
from controlplane.restaurants.errors import Refused
from controlplane.restaurants.export_caller import export_caller
from controlplane.restaurants.forget_caller import forget_caller
from webapp.customers.queries import number_of, read_certificates, read_restaurant
from webapp.customers.words import TABLES, refused, why_kept
from webapp.forms import Form
from webapp.place import OwnerHere, Place
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/customers/rights", include_in_schema=False)


@router.get("")
async def rights_page(
    place: OwnerHere, customer: Annotated[UUID | None, Query()] = None
) -> HTMLResponse:
    """Ask for the number, or show the customer's."""
    place.require_recent_password()
    values = {}
    if customer is not None:
        async with place.session() as session:
            values["number"] = await number_of(session, place.restaurant_id, customer)
    return await _rights_page(place, Form(values=values))


@router.post("/export")
async def export(place: OwnerHere, request: Request) -> Response:
    """Send all that is known of the number as a file of JSON, which a program reads (art. 20)."""
    place.require_recent_password()
    form = await Form.read(request)
    try:
        async with place.session() as session, session.begin():
            restaurant = await read_restaurant(session, place.restaurant_id)
            number = clean_text(form.text("number"))
            known = await export_caller(session, restaurant, number, actor=place.actor)
    except Refused as error:
        form.fail("number", refused(error))
        return await _rights_page(place, form)
    name = f"donnees-client-{datetime.now(place.zone).date().isoformat()}.json"
    return Response(
        json.dumps(known, ensure_ascii=False, indent=1, default=str),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.post("/erase")
async def erase(place: OwnerHere, request: Request) -> Response:
    """Forget the number, and show the certificate of what a search found afterwards."""
    place.require_recent_password()
    form = await Form.read(request)
    if not form.ticked("confirmed"):
        form.fail("confirmed", _("Cochez la case : rien ne ramène ce qui est effacé."))
        return await _rights_page(place, form)
    site = place.site
    try:
        async with place.session() as session, session.begin():
            restaurant = await read_restaurant(session, place.restaurant_id)
            done, events = await forget_caller(
                session,
                site.box,
                site.settings.redis_url,
                [restaurant],
                clean_text(form.text("number")),
                actor=place.actor,
            )
    except Refused as error:
        form.fail("number", refused(error))
        return await _rights_page(place, form)
    except ServiceUnavailable:
        form.fail(
            "", _("Un appel vient d’avoir lieu, rien n’est effacé. Réessayez dans une minute.")
        )
        return await _rights_page(place, form, status=503)
    parts = [*done.erased.parts, *([Part(table="redis", erased=events)] if events else [])]
    return place.page(
        "customers/erased.html",
        certificates=done.certificates,
        parts=[
            (_(TABLES.get(part.table, part.table)), part.erased, part.kept, why_kept(part.why))
            for part in parts
        ],
        now=datetime.now(UTC).astimezone(place.zone),
    )


async def _rights_page(place: Place, form: Form, *, status: int = 422) -> HTMLResponse:
    async with place.session() as session:
        certificates = await read_certificates(session, place.restaurant_id)
    return place.page(
        "customers/rights.html",
        status=status if form.errors else 200,
        form=form,
        certificates=certificates,
        now=datetime.now(place.zone),
    )
