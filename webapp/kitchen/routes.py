"""The kitchen's page: its board, and the buttons that move orders on.

A member opens it, or a tablet that is paired with the restaurant. Each button says where things are
to be, not how they are to change: pressed twice, or sent late, it does no more.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Form, Header, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.models.order import OrderStatus
from controlplane.restaurants.cross_off import cross_off
from controlplane.restaurants.errors import StatusRefused
from controlplane.restaurants.order_status import change_order_status, see_allergies
from controlplane.restaurants.take_back import take_back
from controlplane.restaurants.voice_messages import mark_heard
from webapp import metrics
from webapp.kitchen.audio import wav_response
from webapp.kitchen.messages import audio_of, messages_to_show
from webapp.kitchen.pace import Delay, set_pace
from webapp.kitchen.pressed import pressed
from webapp.kitchen.queries import kitchen_of, open_tickets, tickets_of_today
from webapp.kitchen.state import kitchen_state
from webapp.kitchen.ticket import Lane, Ticket, stations, to_make
from webapp.kitchen.words import SAYS
from webapp.place import KitchenHere

router = APIRouter(prefix="/place/{restaurant_id}/kitchen", include_in_schema=False)
messages_router = APIRouter(prefix="/place/{restaurant_id}/messages", include_in_schema=False)


@router.get("")
async def kitchen_page(
    place: KitchenHere, station: Annotated[str, Query(max_length=100)] = ""
) -> HTMLResponse:
    """Show the whole board, which also works without JavaScript."""
    with metrics.PAGE_SECONDS.time():
        # Before the orders: what is committed in between comes twice, never not at all.
        newest = await place.site.feed.newest_id(place.restaurant_id)
        kitchen = kitchen_of(place)
        async with place.session() as session:
            tickets = await tickets_of_today(session, kitchen)
            messages = await messages_to_show(session, kitchen)
            state = await kitchen_state(session, place.restaurant_id)
        return place.page(
            "kitchen/page.html",
            **SAYS,
            now=datetime.now(place.zone),
            newest=newest,
            topics=_topics(station),
            by_lane=_by_lane(tickets, station),
            messages=messages,
            state=state,
            station=station,
            stations=stations(tickets),
            sums=to_make(tickets, station),
        )


@router.get("/pickup")
async def pickup_page(place: KitchenHere) -> HTMLResponse:
    """Show who may be handed their order, for the counter."""
    newest = await place.site.feed.newest_id(place.restaurant_id)
    async with place.session() as session:
        tickets = await open_tickets(session, kitchen_of(place))
    return place.page(
        "kitchen/pickup.html",
        **SAYS,
        now=datetime.now(place.zone),
        newest=newest,
        by_lane=_by_lane(tickets, ""),
        station="",
    )


@router.post("/orders/{order_id}/take-back")
async def take_order_back(
    request: Request, order_id: UUID, left: Annotated[OrderStatus, Form()], place: KitchenHere
) -> Response:
    """Undo this visitor's own last move. Raises `StatusRefused` when it is too late."""
    async with place.session() as session, session.begin():
        await take_back(
            session,
            place.restaurant_id,
            order_id,
            left=left,
            now=datetime.now(UTC),
            actor=place.actor,
        )
    return pressed(request, place)


@router.post("/orders/{order_id}/{to}")
async def move_order(
    request: Request, order_id: UUID, to: OrderStatus, place: KitchenHere
) -> Response:
    """Do what a ticket's button says; the page shows where the order is now."""
    async with place.session() as session, session.begin():
        with suppress(StatusRefused):  # another screen was faster: the page says what is
            await change_order_status(
                session, place.restaurant_id, order_id, to=to, actor=place.actor
            )
    return pressed(request, place)


@router.post("/orders/{order_id}/allergy/seen")
async def allergy_seen(request: Request, order_id: UUID, place: KitchenHere) -> Response:
    """Do what an allergy's button says."""
    async with place.session() as session, session.begin():
        await see_allergies(session, place.restaurant_id, order_id, actor=place.actor)
    return pressed(request, place)


@router.post("/orders/{order_id}/dishes/{line_id}/{part_id}")
async def dish_made(
    request: Request,
    order_id: UUID,
    line_id: UUID,
    part_id: UUID,
    made: Annotated[Literal["yes", "no"], Form()],
    place: KitchenHere,
) -> Response:
    """Cross a dish off, or take that back."""
    async with place.session() as session, session.begin():
        await cross_off(
            session, place.restaurant_id, order_id, line_id, part_id, made=made == "yes"
        )
    return pressed(request, place)


@router.post("/messages/{message_id}/heard")
async def message_heard(request: Request, message_id: UUID, place: KitchenHere) -> Response:
    """Do what a message's button says."""
    async with place.session() as session, session.begin():
        await mark_heard(session, place.restaurant_id, message_id)
    return pressed(request, place)


@router.post("/busy")
async def say_busy(
    request: Request, delay: Annotated[Delay, Form()], place: KitchenHere
) -> Response:
    """Say how busy the kitchen is."""
    await set_pace(place, delay)
    return pressed(request, place)


@messages_router.get("/{message_id}.wav")
async def message_audio(
    message_id: UUID,
    place: KitchenHere,
    range_header: Annotated[str | None, Header(alias="range", max_length=100)] = None,
) -> Response:
    """Send the recording, whole or the part a player asks for."""
    async with place.session() as session:
        audio = await audio_of(session, kitchen_of(place), message_id)
    return wav_response(audio, range_header)


def _topics(station: str) -> str:
    argument = f":{quote(station, safe='')}" if station else ""
    return f"ticket{argument} sums{argument} voice kitchen"


def _by_lane(tickets: list[Ticket], station: str) -> dict[Lane, list[Ticket]]:
    lanes: dict[Lane, list[Ticket]] = {lane: [] for lane in Lane}
    for ticket in tickets:
        if (shown := ticket.at_station(station)) is not None:
            lanes[shown.lane].append(shown)
    for lane in lanes.values():
        lane.sort(key=lambda ticket: ticket.order)
    return lanes
