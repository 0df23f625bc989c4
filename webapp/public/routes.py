"""What anybody may read of a restaurant: allergens, what becomes of data; and how to get no offers.

No cookie, no script; the language is the link's.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, status
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from controlplane.contracts.clean_text import clean_text
from controlplane.contracts.unsubscribe_link import (
    KEY_LENGTH,
    PATH,
    UnsubscribeKey,
    read_unsubscribe,
)
from controlplane.models.consent import ConsentPurpose
from controlplane.restaurants.consents import consents, refuse_offers
from controlplane.tenancy import restaurant_session
from webapp.public.queries import find_by_slug, read_restaurant, read_subscriber
from webapp.receipt.receipts import find_place, menu_dishes
from webapp.receipt.words import ALLERGENS, WORDS
from webapp.site import Site, SiteHere
from webapp.words import Language, language, speak

router = APIRouter(include_in_schema=False)

Slug = Annotated[str, Path(max_length=80)]
Lang = Annotated[Language | None, Query()]


@router.get("/carte/{slug}/allergenes")
async def allergens(slug: Slug, site: SiteHere, lang: Lang = None) -> HTMLResponse:
    """Show what is declared of every dish on the menu, to whoever asks before ordering."""
    restaurant_id = await find_by_slug(site.sessions, clean_text(slug))
    async with restaurant_session(site.sessions, restaurant_id) as session:
        place = await find_place(session, restaurant_id)
        menu = await menu_dishes(session, place)
    _speak(lang)
    return _page(
        site,
        "public/allergens.html",
        place=place,
        menu=menu,
        words=WORDS[language()],
        names=ALLERGENS[language()],
    )


@router.get("/carte/{slug}/donnees")
async def privacy(slug: Slug, site: SiteHere, lang: Lang = None) -> HTMLResponse:
    """Say what is kept of a customer, why, how long, and what they may ask for (RGPD, art. 13)."""
    restaurant_id = await find_by_slug(site.sessions, clean_text(slug))
    async with restaurant_session(site.sessions, restaurant_id) as session:
        restaurant = await read_restaurant(session, restaurant_id)
    _speak(lang)
    return _page(site, "public/privacy.html", place=restaurant)


def subscriber(key: str, site: SiteHere) -> UnsubscribeKey:
    """Return whose link it is; nothing is looked for before its signature is checked."""
    secret = site.settings.link_secret.get_secret_value()
    found = read_unsubscribe(key, secret=secret) if len(key) == KEY_LENGTH else None
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return found


Subscriber = Annotated[UnsubscribeKey, Depends(subscriber)]


@router.get(f"{PATH}{{key}}")
async def unsubscribe_page(
    key: str, of: Subscriber, site: SiteHere, lang: Lang = None
) -> HTMLResponse:
    """Ask before anything is done: programs that look at links in messages open them too."""
    async with restaurant_session(site.sessions, of.restaurant_id) as session:
        restaurant = await read_restaurant(session, of.restaurant_id)
        customer = await read_subscriber(session, of)
        wants = customer is not None and await consents(session, customer, ConsentPurpose.OFFERS)
    _speak(lang)
    return _page(
        site, "public/unsubscribe.html", place=restaurant, path=f"{PATH}{key}", wants=wants
    )


@router.post(f"{PATH}{{key}}")
async def unsubscribe(key: str, of: Subscriber, site: SiteHere, lang: Lang = None) -> Response:
    """Send no more offers; who is forgotten already gets none."""
    async with restaurant_session(site.sessions, of.restaurant_id) as session, session.begin():
        customer = await read_subscriber(session, of)
        if customer is not None:
            await refuse_offers(session, customer)
    _speak(lang)
    return RedirectResponse(f"{PATH}{key}?lang={language()}", status.HTTP_303_SEE_OTHER)


def _speak(lang: Language | None) -> None:
    if lang is not None:
        speak(lang)


def _page(site: Site, template: str, **shown: object) -> HTMLResponse:
    other = "en" if language() == "fr" else "fr"
    return HTMLResponse(site.templates.get_template(template).render(other=other, **shown))
