"""Orders: their list, one with its story, its next step, its refusal."""

from datetime import date, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from controlplane.contracts.clean_text import clean_text
from controlplane.models.membership import Role
from controlplane.models.notification import Channel
from controlplane.models.order import (
    NEVER_MADE,
    CancelReason,
    OrderStatus,
    OrderType,
)
from controlplane.notifier.wording import cancelled_sms
from controlplane.restaurants.errors import StatusRefused
from controlplane.restaurants.notify import why_not
from controlplane.restaurants.order_status import change_order_status, see_allergies
from controlplane.restaurants.payment_standing import Paid, standings
from controlplane.restaurants.refuse_order import refusal_of, refuse_order
from webapp.forms import Form, read_date
from webapp.orders.page import OPEN, listed, one_order, open_list
from webapp.orders.queries import (
    Filter,
    day_totals,
    list_orders,
    read_refusal,
)
from webapp.orders.words import REASONS, UNSENT, refused
from webapp.place import Place, StaffHere
from webapp.typography import typeset
from webapp.words import _

router = APIRouter(prefix="/place/{restaurant_id}/orders", include_in_schema=False)

ANY_STATE: Final = "all"
LONGEST_NUMBER: Final = 10
"""No order has a number of so many digits; a larger one is no number of Postgres's either."""
Text = Annotated[str, Query(max_length=80)]


@router.get("")
async def orders_page(
    place: StaffHere, state: Text = "", day: Text = "", q: Text = "", after: Text = ""
) -> HTMLResponse:
    """Show the orders in hand, those of a day, or all; a search looks through all of them."""
    wanted = _filter(state, day, q, after)
    newest = await place.site.feed.newest_id(place.restaurant_id)
    today = datetime.now(place.zone).date()
    async with place.session() as session:
        found = await list_orders(session, place.restaurant_id, wanted)
        totals = await day_totals(session, place.restaurant_id, today)
    return place.page(
        "orders/list.html",
        **listed(found, place),
        live_list=wanted == OPEN,
        newest=newest,
        state=state,
        day=day,
        q=q,
        yesterday=today - timedelta(days=1),
        older_link=_link(place, state=state, day=day, q=q),
        totals=totals,
        sees_revenue=place.may(Role.MANAGER),
    )


@router.get("/{order_id}")
async def order_page(order_id: UUID, place: StaffHere) -> HTMLResponse:
    """Show one order: beside the list where there is room, alone on a telephone."""
    return await _order_page(place, order_id)


@router.post("/{order_id}/status")
async def next_step(order_id: UUID, place: StaffHere, request: Request) -> Response:
    """Move the order to where the button leads; a refusal has a page of its own."""
    form = await Form.read(request)
    to = _status(form.text("to"))
    if to is None or to in NEVER_MADE:
        return await _order_page(place, order_id, problem=_("Cette étape n’existe pas."))
    try:
        async with place.session() as session, session.begin():
            await change_order_status(
                session, place.restaurant_id, order_id, to=to, actor=place.actor
            )
    except StatusRefused as error:
        return await _order_page(place, order_id, problem=refused(error), status=409)
    return place.back(f"/orders/{order_id}")


@router.post("/{order_id}/allergy")
async def allergy_read(order_id: UUID, place: StaffHere) -> Response:
    """Note who has read what the customer must not eat."""
    async with place.session() as session, session.begin():
        await see_allergies(session, place.restaurant_id, order_id, actor=place.actor)
    return place.back(f"/orders/{order_id}", said=_("Allergie marquée comme lue"))


@router.get("/{order_id}/reject")
async def refusal_page(order_id: UUID, place: StaffHere) -> Response:
    """Ask for the reason, and show the SMS that each one sends."""
    return await _refusal_page(place, order_id, Form())


@router.post("/{order_id}/reject")
async def reject(order_id: UUID, place: StaffHere, request: Request) -> Response:
    """Refuse the order for the reason that was chosen, unless it was moved on meanwhile."""
    form = await Form.read(request)
    seen, reason = _status(form.text("seen")), form.text("reason")
    if seen is None or reason not in REASONS:
        form.fail("reason", _("Choisissez un motif."))
        return await _refusal_page(place, order_id, form)
    try:
        async with place.session() as session, session.begin():
            order = await refuse_order(
                session,
                place.restaurant_id,
                order_id,
                seen=seen,
                reason=CancelReason(reason),
                actor=place.actor,
            )
    except StatusRefused as error:
        return await _order_page(place, order_id, problem=refused(error), status=409)
    said = (
        _("Commande n° %(number)s refusée", number=order.number)
        if order.status == OrderStatus.REJECTED
        else _("Commande n° %(number)s annulée", number=order.number)
    )
    return place.back(f"/orders/{order_id}", said=said)


async def _order_page(
    place: Place, order_id: UUID, *, problem: str = "", status: int = 200
) -> HTMLResponse:
    newest = await place.site.feed.newest_id(place.restaurant_id)
    async with place.session() as session:
        order = await one_order(place, session, order_id)
        beside = await open_list(place, session)
    return place.page(
        "orders/detail.html",
        status=status,
        problem=problem,
        newest=newest,
        current=order_id,
        **(order | beside),
    )


async def _refusal_page(place: Place, order_id: UUID, form: Form) -> Response:
    """Ask, unless the order is over: then its own page says so."""
    async with place.session() as session:
        restaurant, order = await read_refusal(session, place.restaurant_id, order_id)
        payment = (await standings(session, place.restaurant_id, [order_id]))[order_id]
    status = OrderStatus(order.status)
    to = refusal_of(status)
    if to is None:
        return place.back(f"/orders/{order_id}", said=_("Cette commande est déjà terminée"))
    unsent = why_not(Channel.SMS, order.customer_phone_e164, own=restaurant.phone_e164)
    return place.page(
        "orders/reject.html",
        status=422 if form.errors else 200,
        form=form,
        order=order,
        seen=status,
        rejected=to is OrderStatus.REJECTED,
        reasons=[
            (reason, _(words), typeset(cancelled_sms(restaurant, order, reason)))
            for reason, words in REASONS.items()
            if reason is not CancelReason.OUT_OF_REACH or order.order_type == OrderType.DELIVERY
        ],
        unsent=_(UNSENT[unsent]) if unsent else "",
        paid_cents=payment.cents if payment.paid is Paid.IN_FULL else 0,
    )


def _filter(state: str, day: str, q: str, after: str) -> Filter:
    """Without a day, a search or "all", the list is of what is in hand."""
    of_day, words = read_date(day), clean_text(q).strip()
    everything = state == ANY_STATE or of_day is not None or bool(words)
    return Filter(open_only=not everything, day=of_day, wanted=words, after=_place_in(after))


def _link(place: Place, **filters: str) -> str:
    """The list's own address, to which a page's `after` is put."""
    given = urlencode({name: value for name, value in filters.items() if value})
    return place.url(f"/orders?{given}&" if given else "/orders?")


def _place_in(after: str) -> tuple[date, int] | None:
    day, _dot, number = after.partition(".")
    on = read_date(day)
    readable = number.isascii() and number.isdecimal() and len(number) < LONGEST_NUMBER
    return (on, int(number)) if on and readable else None


def _status(written: str) -> OrderStatus | None:
    try:
        return OrderStatus(written)
    except ValueError:
        return None
