"""Customers: who they are, what they ordered, whose calls are refused."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.contracts.clean_text import clean_text
from controlplane.models.membership import Role
from controlplane.restaurants.blocked_callers import block, list_blocked, unblock
from controlplane.restaurants.errors import NotBlocked, RestaurantError
from webapp.customers.queries import (
    PAGE,
    list_customers,
    number_of,
    read_customer,
    read_restaurant,
)
from webapp.customers.words import PURPOSES, SOURCES, STATES, refused
from webapp.forms import Form
from webapp.kitchen.ticket_words import status_label
from webapp.orders.words import TONES
from webapp.place import ManagerHere, Place
from webapp.reservations.words import STATES as RESERVATION_STATES
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/customers", include_in_schema=False)

Text = Annotated[str, Query(max_length=80)]


@router.get("")
async def customers_page(place: ManagerHere, q: Text = "", after: Text = "") -> HTMLResponse:
    """Show who ordered last, or those who are looked for."""
    words = clean_text(q).strip()
    async with place.session() as session:
        found = await list_customers(session, place.restaurant_id, words, _place_in(after))
    shown = found[:PAGE]
    return place.page(
        "customers/list.html",
        customers=shown,
        q=words,
        older=f"{shown[-1].seen_at.isoformat()}.{shown[-1].id}" if len(found) > PAGE else "",
        now=datetime.now(place.zone),
        sees_rights=place.may(Role.OWNER),
    )


@router.get("/blocked")
async def blocked_page(place: ManagerHere) -> HTMLResponse:
    """Show whose calls are refused."""
    return await _blocked_page(place, Form())


@router.post("/blocked")
async def block_number(place: ManagerHere, request: Request) -> Response:
    """Refuse the calls of a number that was typed: its caller need not have ordered."""
    form = await Form.read(request)
    try:
        await _block(place, clean_text(form.text("number")))
    except RestaurantError as error:
        form.fail("number", refused(error))
        return await _blocked_page(place, form)
    return place.back("/customers/blocked", said=_("Ses appels sont refusés"))


@router.post("/unblocked")
async def unblock_number(place: ManagerHere, request: Request) -> Response:
    """Take the number's calls again."""
    form = await Form.read(request)
    try:
        await _unblock(place, clean_text(form.text("number")))
    except NotBlocked:
        pass  # it is taken already
    except RestaurantError as error:
        form.fail("number", refused(error))
        return await _blocked_page(place, form)
    return place.back("/customers/blocked", said=_("Ses appels sont de nouveau pris"))


@router.get("/{customer_id}")
async def customer_page(customer_id: UUID, place: ManagerHere) -> HTMLResponse:
    """Show one customer: orders, reservations, calls, consents."""
    return await _customer_page(place, customer_id)


@router.post("/{customer_id}/block")
async def block_customer(customer_id: UUID, place: ManagerHere) -> Response:
    """Refuse this customer's calls."""
    async with place.session() as session:
        number = await number_of(session, place.restaurant_id, customer_id)
    try:
        await _block(place, number)
    except RestaurantError as error:
        return await _customer_page(place, customer_id, problem=refused(error))
    return place.back(f"/customers/{customer_id}", said=_("Ses appels sont refusés"))


@router.post("/{customer_id}/unblock")
async def unblock_customer(customer_id: UUID, place: ManagerHere) -> Response:
    """Take this customer's calls again; a second tap changes nothing."""
    async with place.session() as session:
        number = await number_of(session, place.restaurant_id, customer_id)
    try:
        await _unblock(place, number)
    except NotBlocked:
        pass  # it is taken already
    return place.back(f"/customers/{customer_id}", said=_("Ses appels sont de nouveau pris"))


async def _block(place: Place, number: str) -> None:
    async with place.session() as session, session.begin():
        restaurant = await read_restaurant(session, place.restaurant_id)
        await block(session, restaurant, number, actor=place.actor)


async def _unblock(place: Place, number: str) -> None:
    async with place.session() as session, session.begin():
        restaurant = await read_restaurant(session, place.restaurant_id)
        await unblock(session, restaurant, number, actor=place.actor)


async def _blocked_page(place: Place, form: Form) -> HTMLResponse:
    async with place.session() as session:
        restaurant = await read_restaurant(session, place.restaurant_id)
        numbers = await list_blocked(session, restaurant)
    return place.page(
        "customers/blocked.html",
        status=422 if form.errors else 200,
        form=form,
        numbers=numbers,
    )


async def _customer_page(place: Place, customer_id: UUID, *, problem: str = "") -> HTMLResponse:
    async with place.session() as session:
        customer = await read_customer(session, place.restaurant_id, customer_id)
    return place.page(
        "customers/detail.html",
        status=409 if problem else 200,
        problem=problem,
        customer=customer,
        now=datetime.now(place.zone),
        today=datetime.now(place.zone).date(),
        tones=TONES,
        label=status_label,
        reservation_states=RESERVATION_STATES,
        purposes=PURPOSES,
        states=STATES,
        sources=SOURCES,
        sees_rights=place.may(Role.OWNER),
    )


def _place_in(after: str) -> tuple[datetime, UUID] | None:
    """Read where a page begins; None of what no page of ours wrote."""
    written, _dot, customer_id = after.rpartition(".")
    try:
        at = datetime.fromisoformat(written)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)), UUID(customer_id)
    except ValueError:
        return None
