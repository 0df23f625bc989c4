"""The kitchen page: today's orders, their stream, and the buttons that move them on.

Whoever has no valid key for exactly this restaurant gets the answer of a page that doesn't exist.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, HTTPException, Query, status
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse

from controlplane.models.order import OrderStatus
from controlplane.restaurants.errors import StatusRefused
from controlplane.restaurants.order_status import change_order_status, see_allergies
from controlplane.restaurants.printers import silent_printers
from controlplane.restaurants.voice_messages import mark_heard
from controlplane.tenancy import restaurant_session
from webapp import metrics
from webapp.kitchen.audio import wav_response
from webapp.kitchen.link import opens_kitchen
from webapp.kitchen.messages import Message, audio_of, messages_to_show
from webapp.kitchen.stream import kitchen_events
from webapp.kitchen.tickets import Kitchen, Ticket, find_kitchen, tickets_of_today
from webapp.site import Site, SiteHere

ACTOR = "kitchen"

router = APIRouter(prefix="/place/{restaurant_id}/kitchen", include_in_schema=False)
messages_router = APIRouter(prefix="/place/{restaurant_id}/messages", include_in_schema=False)

Key = Annotated[str, Query(min_length=1, max_length=300)]


def render(site: Site, shown: Ticket | Message, kitchen: Kitchen, key: str) -> str:
    """Render one entry of the page."""
    kind = "ticket" if isinstance(shown, Ticket) else "message"
    template = site.templates.get_template(f"kitchen/{kind}.html")
    return template.render({kind: shown}, kitchen=kitchen, key=key)


async def the_kitchen(restaurant_id: UUID, key: Key, site: SiteHere) -> Kitchen:
    """Return the restaurant the key opens; the database session is given back before the answer."""
    settings = site.settings
    if not opens_kitchen(
        key,
        restaurant_id,
        secret=settings.link_secret.get_secret_value(),
        max_age_days=settings.kitchen_link_days,
    ):
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    async with restaurant_session(site.sessions, restaurant_id) as session:
        return await find_kitchen(session, restaurant_id)


KitchenHere = Annotated[Kitchen, Depends(the_kitchen)]


@router.get("")
async def kitchen_page(site: SiteHere, kitchen: KitchenHere, key: Key) -> HTMLResponse:
    """Show the whole page, which also works without JavaScript."""
    with metrics.PAGE_SECONDS.time():
        # Before the orders: what is committed in between comes twice, never not at all.
        newest = await site.feed.newest_id(kitchen.restaurant_id)
        async with restaurant_session(site.sessions, kitchen.restaurant_id) as session:
            tickets = await tickets_of_today(session, kitchen)
            messages = await messages_to_show(session, kitchen)
            silent = await silent_printers(session, kitchen.restaurant_id, datetime.now(UTC))
        page = site.templates.get_template("kitchen/page.html").render(
            kitchen=kitchen,
            key=key,
            newest=newest,
            to_make=[ticket for ticket in tickets if not ticket.done],
            done=[ticket for ticket in tickets if ticket.done],
            messages=messages,
            silent_printers=silent,
        )
    return HTMLResponse(page)


@router.get("/events")
async def kitchen_stream(
    site: SiteHere,
    kitchen: KitchenHere,
    key: Key,
    after: Annotated[str | None, Query(max_length=20)] = None,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> EventSourceResponse:
    """Send server-sent events from `Last-Event-ID`, or `after` on the page's first connection."""
    events: AsyncIterator[bytes] = kitchen_events(
        site.feed,
        site.sessions,
        kitchen,
        after=_outbox_id(last_event_id or after),
        render=lambda shown: render(site, shown, kitchen, key),
    )
    return EventSourceResponse(events, headers={"X-Accel-Buffering": "no"})


@router.post("/orders/{order_id}/{to}")
async def move_order(
    order_id: UUID, to: OrderStatus, site: SiteHere, kitchen: KitchenHere, key: Key
) -> Response:
    """Do what a ticket's button says; go back to the page, which shows where the order is now."""
    async with restaurant_session(site.sessions, kitchen.restaurant_id) as session, session.begin():
        with suppress(StatusRefused):  # another screen was faster: the page says what is
            await change_order_status(session, kitchen.restaurant_id, order_id, to=to, actor=ACTOR)
    url = f"/place/{kitchen.restaurant_id}/kitchen?key={key}"
    return RedirectResponse(url, status.HTTP_303_SEE_OTHER)


@router.post("/orders/{order_id}/allergy/seen")
async def allergy_seen(order_id: UUID, site: SiteHere, kitchen: KitchenHere, key: Key) -> Response:
    """Do what an allergy's button says; go back to the page."""
    async with restaurant_session(site.sessions, kitchen.restaurant_id) as session, session.begin():
        await see_allergies(session, kitchen.restaurant_id, order_id, actor=ACTOR)
    url = f"/place/{kitchen.restaurant_id}/kitchen?key={key}"
    return RedirectResponse(url, status.HTTP_303_SEE_OTHER)


@router.post("/messages/{message_id}/heard")
async def message_heard(
    message_id: UUID, site: SiteHere, kitchen: KitchenHere, key: Key
) -> Response:
    """Do what a message's button says; go back to the page."""
    async with restaurant_session(site.sessions, kitchen.restaurant_id) as session, session.begin():
        await mark_heard(session, kitchen.restaurant_id, message_id)
    url = f"/place/{kitchen.restaurant_id}/kitchen?key={key}"
    return RedirectResponse(url, status.HTTP_303_SEE_OTHER)


@messages_router.get("/{message_id}.wav")
async def message_audio(
    message_id: UUID,
    site: SiteHere,
    kitchen: KitchenHere,
    range_header: Annotated[str | None, Header(alias="range", max_length=100)] = None,
) -> Response:
    """Send the recording, whole or the part a player asks for."""
    async with restaurant_session(site.sessions, kitchen.restaurant_id) as session:
        audio = await audio_of(session, kitchen, message_id)
    return wav_response(audio, range_header)


def _outbox_id(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
