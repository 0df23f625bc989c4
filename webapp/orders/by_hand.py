"""An order taken at the counter, and the correction of one: typed dish by dish, placed once."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.errors import ServiceUnavailable
from controlplane.models.customer import Customer
from controlplane.models.order import OrderType
from controlplane.restaurants.customers import find_customer
from controlplane.restaurants.default_options import with_defaults
from controlplane.restaurants.errors import (
    AddressNotLocated,
    NotANumber,
    NotReplaceable,
    OutsideEveryZone,
    Refused,
    RestaurantError,
    SlotFull,
    TimeRefused,
    UnderMinimum,
)
from controlplane.restaurants.order_by_hand import TypedLine, cart_of, with_line
from controlplane.restaurants.order_draft import PlacedOrder
from controlplane.restaurants.people_errors import UnknownCustomer
from controlplane.restaurants.replace_order import REPLACEABLE
from controlplane.restaurants.take_by_hand import order_of_form, take_by_hand
from webapp.forms import Form, read_uuid, read_whole
from webapp.kitchen.ticket_words import type_label
from webapp.orders.forms import OrderForm, moved, typed_again, written_line
from webapp.orders.offer import Offer, dish_of, read_offer
from webapp.orders.queries import read_address, read_order, read_restaurant
from webapp.orders.words import refused
from webapp.place import Place, StaffHere
from webapp.show import clock, since
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/orders/new", include_in_schema=False)

FIELD_OF: Final[dict[type[RestaurantError], str]] = {
    NotANumber: "phone",
    TimeRefused: "wanted_at",
    SlotFull: "wanted_at",
    OutsideEveryZone: "street",
    AddressNotLocated: "street",
    UnderMinimum: "street",
}
"""The field that a refusal is about; others are about the order as a whole."""


@router.get("")
async def empty_page(
    place: StaffHere, replaces: Annotated[UUID | None, Query()] = None
) -> Response:
    """Show the menu and an empty order, or the one that is to be corrected."""
    if replaces is None:
        return await _page(place, OrderForm.empty())
    async with place.session() as session:
        order = await read_order(session, place.restaurant_id, replaces)
        address = await read_address(session, place.restaurant_id, order)
    if order.status not in REPLACEABLE:
        return place.back(f"/orders/{replaces}", said=refused(NotReplaceable(order.status)))
    return await _page(place, typed_again(order, address))


@router.post("")
async def typed_page(place: StaffHere, request: Request) -> Response:
    """Do what the pressed button says: all but the last only change the page."""
    typing = OrderForm.read(await Form.read(request))
    deed, _colon, about = typing.form.text("do").partition(":")
    match deed:
        case "place":
            return await _place(place, typing)
        case "type" if about in set(OrderType):
            typing.order_type = OrderType(about)
        case "drop":
            typing.choosing = None
        case "find":
            await _find_customer(place, typing)
        case "more" | "less" | "remove":
            _change_line(typing, deed, about)
    offer = await read_offer(place, typing)
    if deed == "add":
        offer = await _add(place, typing, offer, about)
    elif deed == "put":
        offer = await _put(place, typing, offer)
    return _drawn(place, typing, offer)


async def _add(place: Place, typing: OrderForm, offer: Offer, about: str) -> Offer:
    """Put the dish into the order, or ask for its options first."""
    dish = dish_of(offer, read_uuid(about))
    if dish is None:
        return offer
    typing.chosen = tuple(option.id for option in with_defaults(dish, ()))
    typing.choosing = dish.id
    if dish.option_groups:
        return offer
    return await _put(place, typing, offer)


async def _put(place: Place, typing: OrderForm, offer: Offer) -> Offer:
    """Put the dish with its chosen options into the order, if the menu allows them."""
    dish = dish_of(offer, typing.choosing)
    if dish is None:
        return offer
    line = TypedLine(item_id=dish.id, option_ids=typing.chosen, quantity=typing.quantity)
    fault = cart_of([line], [dish]).first_fault
    try:
        if fault is not None:
            raise fault
        typing.lines = with_line(typing.lines, line)
    except Refused as refusal:
        typing.form.fail("choosing", refused(refusal))
        return offer
    typing.choosing = None
    return await read_offer(place, typing)


async def _find_customer(place: Place, typing: OrderForm) -> None:
    """Fill in the name that the restaurant has for the number; one that was typed stays."""
    try:
        async with place.session() as session:
            restaurant = await read_restaurant(session, place.restaurant_id)
            customer = await find_customer(session, restaurant, typing.text("phone"))
    except UnknownCustomer:
        typing.found = _("Nouveau client : ce numéro n’a jamais commandé ici.")
    except RestaurantError as error:
        typing.form.fail("phone", refused(error))
    else:
        name = typing.text("customer_name") or customer.name or ""
        typing.form.values = {**typing.form.values, "customer_name": name}
        typing.found = _(
            "Client connu, sa dernière commande %(when)s.", when=_when(place, customer)
        )


def _when(place: Place, customer: Customer) -> str:
    return since(customer.seen_at, now=datetime.now(place.zone))


def _change_line(typing: OrderForm, deed: str, about: str) -> None:
    at = read_whole(about)
    if at is None or at >= len(typing.lines):
        return
    lines = list(typing.lines)
    if deed == "remove":
        del lines[at]
    else:
        lines[at] = moved(lines[at], 1 if deed == "more" else -1)
    typing.lines = tuple(lines)


async def _place(place: Place, typing: OrderForm) -> Response:
    order = typing.typed(place.zone)
    if order is None:
        return _drawn(place, typing, await read_offer(place, typing), status=422)
    try:
        placed = await take_by_hand(
            place.site.sessions, place.restaurant_id, order, actor=place.actor
        )
    except RestaurantError as error:
        return await _refused(place, typing, error)
    return place.back(f"/orders/{placed.id}", said=_placed(placed))


async def _refused(place: Place, typing: OrderForm, error: RestaurantError) -> Response:
    """Lead to the order that this page placed already, or show what was typed and why not."""
    if not isinstance(error, ServiceUnavailable):
        async with place.session() as session:
            there = await order_of_form(session, place.restaurant_id, typing.key)
        if there is not None:
            said = _("Cette page a déjà enregistré cette commande. Corrigez-la si elle a changé.")
            return place.back(f"/orders/{there}", said=said)
    typing.form.fail(FIELD_OF.get(type(error), ""), refused(error))
    status = 503 if isinstance(error, ServiceUnavailable) else 422
    return _drawn(place, typing, await read_offer(place, typing, fresh=True), status=status)


def _placed(placed: PlacedOrder) -> str:
    at = placed.deliver_at_local or placed.ready_at_local
    return _(
        "Commande n° %(number)s enregistrée pour %(clock)s", number=placed.number, clock=clock(at)
    )


async def _page(place: Place, typing: OrderForm) -> HTMLResponse:
    return _drawn(place, typing, await read_offer(place, typing))


def _drawn(place: Place, typing: OrderForm, offer: Offer, *, status: int = 200) -> HTMLResponse:
    return place.page(
        "orders/new.html",
        status=status,
        typing=typing,
        form=typing.form,
        offer=offer,
        closed=refused(offer.closed) if offer.closed else "",
        dish=dish_of(offer, typing.choosing),
        wanted_gone=typing.wanted_other_than(offer.times),
        lines=[
            (written_line(each.line), each.in_cart, refused(each.fault) if each.fault else "")
            for each in offer.cart.lines
        ],
        types=[(each, type_label(each)) for each in offer.types],
    )
