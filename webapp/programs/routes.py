"""The restaurant's own programs: tokens for the JSON API, addresses that are told of orders and
reservations. For the owner, who typed their password a moment ago.
"""

from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.contracts.clean_text import clean_text
from controlplane.models.api_token import ApiScope
from controlplane.models.event_outbox import OutboxTopic
from controlplane.restaurants.api_errors import EndpointRefused
from controlplane.restaurants.api_tokens import make_token, revoke_token
from controlplane.restaurants.setup_errors import TooManyOf
from controlplane.restaurants.webhooks import (
    LONGEST_URL,
    TOPICS,
    add_endpoint,
    remove_endpoint,
    replay,
)
from webapp.api.application import PATH
from webapp.forms import Form
from webapp.place import OwnerSure, Place
from webapp.programs import words
from webapp.programs.queries import endpoints_in_use, last_deliveries, open_tokens
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/config/api", include_in_schema=False)

LONGEST_NAME = 60
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@router.get("")
async def programs_page(place: OwnerSure) -> HTMLResponse:
    """Show tokens, addresses, and what was told lately."""
    return await _page(place, Form())


@router.post("/tokens")
async def new_token(place: OwnerSure, request: Request) -> Response:
    """Make a token, which is shown once."""
    form = await Form.read(request)
    name = clean_text(form.text("name"))
    if not 1 <= len(name) <= LONGEST_NAME:
        form.fail("name", _("Écrivez un nom de 1 à %(most)s lettres.", most=LONGEST_NAME))
    scopes = [scope for scope in ApiScope if scope in form.all("scope")]
    if not scopes:
        form.fail("scope", _("Choisissez au moins un droit."))
    if form.errors:
        return await _page(place, form, status=422)
    try:
        async with place.session() as session, session.begin():
            token = await make_token(session, place.restaurant_id, name, scopes, actor=place.actor)
    except TooManyOf as error:
        form.fail("", words.refused(error))
        return await _page(place, form, status=422)
    return await _page(place, Form(), token=token)


@router.post("/tokens/{token_id}/revoke")
async def end_token(place: OwnerSure, token_id: UUID) -> Response:
    """From now on it opens nothing."""
    async with place.session() as session, session.begin():
        now = datetime.now(UTC)
        await revoke_token(session, place.restaurant_id, token_id, now, actor=place.actor)
    return place.back("/config/api", said=_("Le jeton n’ouvre plus rien."))


@router.post("/webhooks")
async def new_webhook(place: OwnerSure, request: Request) -> Response:
    """Add an address; the key of its signatures is shown once."""
    form = await Form.read(request)
    url = form.text("url")[:LONGEST_URL]
    topics = [topic for topic in TOPICS if topic in form.all("topic")]
    if not topics:
        form.fail("topic", _("Choisissez au moins un événement."))
        return await _page(place, form, status=422)
    try:
        secret = await _add(place, url, topics)
    except EndpointRefused as error:
        form.fail("url", words.refused(error))
        return await _page(place, form, status=422)
    except TooManyOf as error:
        form.fail("", words.refused(error))
        return await _page(place, form, status=422)
    return await _page(place, Form(), secret=secret)


@router.post("/webhooks/{endpoint_id}/remove")
async def end_webhook(place: OwnerSure, endpoint_id: UUID) -> Response:
    """It is told nothing more."""
    async with place.session() as session, session.begin():
        now = datetime.now(UTC)
        await remove_endpoint(session, place.restaurant_id, endpoint_id, now, actor=place.actor)
    return place.back("/config/api", said=_("Cette adresse n’apprend plus rien."))


@router.post("/deliveries/{delivery_id}/replay")
async def send_again(place: OwnerSure, delivery_id: UUID) -> Response:
    """Send it once more."""
    async with place.session() as session, session.begin():
        now = datetime.now(UTC)
        await replay(session, place.restaurant_id, delivery_id, now, actor=place.actor)
    return place.back("/config/api", said=_("L’événement repart tout de suite."))


async def _add(place: Place, url: str, topics: list[OutboxTopic]) -> str:
    async with place.session() as session, session.begin():
        return await add_endpoint(
            session,
            place.site.box,
            place.restaurant_id,
            url,
            topics,
            local=urlsplit(place.site.settings.public_url).hostname in LOOPBACK,
            actor=place.actor,
        )


async def _page(
    place: Place, form: Form, *, status: int = 200, token: str = "", secret: str = ""
) -> HTMLResponse:
    async with place.session() as session:
        tokens = await open_tokens(session, place.restaurant_id)
        endpoints = await endpoints_in_use(session, place.restaurant_id)
        deliveries = await last_deliveries(session, place.restaurant_id, place.zone)
    return place.page(
        "programs/page.html",
        status=status,
        form=form,
        token=token,
        secret=secret,
        tokens=tokens,
        endpoints=endpoints,
        deliveries=deliveries,
        may_sign=bool(place.site.settings.secret_keys),
        now=datetime.now(place.zone),
        api=PATH,
        words=words,
    )
