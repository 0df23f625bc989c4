"""A ticket on 80 mm paper, by the browser: a second one says that it is one."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from controlplane.restaurants.errors import UnknownOrder
from controlplane.restaurants.print_ticket import is_on_paper, print_ticket
from webapp.kitchen.queries import kitchen_of, tickets_by_id
from webapp.kitchen.words import SAYS
from webapp.place import KitchenHere, Place

router = APIRouter(
    prefix="/place/{restaurant_id}/orders/{order_id}/ticket", include_in_schema=False
)


@router.get("")
async def paper_ticket(order_id: UUID, place: KitchenHere) -> HTMLResponse:
    """Show the ticket as it will be on paper."""
    async with place.session() as session:
        duplicate = await is_on_paper(session, place.restaurant_id, order_id)
    return await _page(place, order_id, duplicate=duplicate, printing=False)


@router.post("")
async def print_paper_ticket(order_id: UUID, place: KitchenHere) -> HTMLResponse:
    """Write down that it is printed, and have the browser print it. Raises `UnknownOrder`."""
    async with place.session() as session, session.begin():
        duplicate = await print_ticket(session, place.restaurant_id, order_id)
    return await _page(place, order_id, duplicate=duplicate, printing=True)


async def _page(place: Place, order_id: UUID, *, duplicate: bool, printing: bool) -> HTMLResponse:
    async with place.session() as session:
        found = await tickets_by_id(session, kitchen_of(place), [order_id])
    if order_id not in found:
        raise UnknownOrder(order_id)
    return place.page(
        "kitchen/paper.html",
        **SAYS,
        now=datetime.now(place.zone),
        ticket=found[order_id],
        duplicate=duplicate,
        printing=printing,
    )
