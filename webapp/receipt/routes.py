"""A customer's receipt, and what the restaurant declares of allergens, behind the signed link of
their SMS. Without a valid key there is no page.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, status
from fastapi.responses import HTMLResponse

from controlplane.contracts.receipt_link import PATH, PAY_PATH, ReceiptKey, ReceiptOf, read_receipt
from controlplane.models.order import NEXT_STATUSES, OrderStatus
from controlplane.restaurants.payment_standing import UNTOLD, standings
from controlplane.tenancy import restaurant_session
from webapp.receipt import words
from webapp.receipt.receipts import (
    OrderReceipt,
    Place,
    ReservationReceipt,
    find_place,
    menu_dishes,
    order_receipt,
    reservation_receipt,
)
from webapp.site import Site, SiteHere
from webapp.words import Language, language, speak

router = APIRouter(prefix=f"{PATH}{{key}}", include_in_schema=False)

Lang = Annotated[Language | None, Query()]


async def opened(key: str, site: SiteHere) -> ReceiptKey:
    """Return what the key opens; nothing is looked for before its signature is checked."""
    found = read_receipt(
        key, now=datetime.now(UTC), secret=site.settings.link_secret.get_secret_value()
    )
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return found


Opened = Annotated[ReceiptKey, Depends(opened)]


@router.get("")
async def receipt(site: SiteHere, of: Opened, key: str, lang: Lang = None) -> HTMLResponse:
    """Show the order or the reservation as it is now."""
    async with restaurant_session(site.sessions, of.restaurant_id) as session:
        place = await find_place(session, of.restaurant_id)
        shown: OrderReceipt | ReservationReceipt
        payment, waits = UNTOLD, False
        if of.of is ReceiptOf.ORDER:
            shown = await order_receipt(session, place, of.about_id)
            found = await standings(session, of.restaurant_id, [of.about_id])
            payment = found[of.about_id]
            waits = bool(NEXT_STATUSES[OrderStatus(shown.status)])
        else:
            shown = await reservation_receipt(session, place, of.about_id)
    template = f"{of.of.name.lower()}.html"
    return _page(site, template, place, key, lang, receipt=shown, payment=payment, waits=waits)


@router.get("/allergenes")
async def allergens(site: SiteHere, of: Opened, key: str, lang: Lang = None) -> HTMLResponse:
    """Show what is declared of every dish on the menu."""
    async with restaurant_session(site.sessions, of.restaurant_id) as session:
        place = await find_place(session, of.restaurant_id)
        menu = await menu_dishes(session, place)
    return _page(site, "allergens.html", place, key, lang, menu=menu)


def _page(
    site: Site, template: str, place: Place, key: str, lang: Language | None, **shown: Any
) -> HTMLResponse:
    if lang is not None:
        speak(lang)
    said = language()
    page = site.templates.get_template(f"receipt/{template}").render(
        place=place,
        path=f"{PATH}{key}",
        pay_path=f"{PAY_PATH}{key}",
        other="en" if said == "fr" else "fr",
        words=words.WORDS[said],
        statuses=words.ORDER_STATUSES[said] | words.RESERVATION_STATUSES[said],
        tones=words.TONES,
        today=datetime.now(place.zone).date(),
        order_types=words.ORDER_TYPES[said],
        names=words.ALLERGENS[said],
        **shown,
    )
    return HTMLResponse(page)
