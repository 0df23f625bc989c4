"""What the pages of orders, and the parts of them that open pages hear of, are drawn from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.receipt_link import ReceiptKey, ReceiptOf
from controlplane.models.membership import Role
from controlplane.models.order import NEXT_STATUSES, OrderStatus
from controlplane.notifier.wording import Links
from controlplane.restaurants.payment_standing import standings
from controlplane.restaurants.refuse_order import refusal_of
from controlplane.restaurants.replace_order import REPLACEABLE
from webapp.kitchen.payment import on_ticket
from webapp.kitchen.ticket_words import address_lines, next_button, status_label, type_label
from webapp.orders.queries import (
    PAGE,
    Filter,
    Listed,
    list_orders,
    read_address,
    read_order,
)
from webapp.orders.timeline import timeline
from webapp.orders.words import TONES
from webapp.place import Place

OPEN: Final = Filter(open_only=True)


def listed(found: Sequence[Listed], place: Place) -> dict[str, Any]:
    """What a list is drawn from; `older` is where the page after it begins, "" at the end."""
    shown, last = found[:PAGE], found[PAGE - 1 : PAGE]
    more = len(found) > PAGE
    now = datetime.now(place.zone)
    return {
        "orders": shown,
        "older": f"{last[0].service_date.isoformat()}.{last[0].number}" if more else "",
        "now": now,
        "today": now.date(),
        "tones": TONES,
        "label": status_label,
        "at": lambda at: at.astimezone(place.zone),
    }


async def open_list(place: Place, session: AsyncSession) -> dict[str, Any]:
    """What the list of the orders in hand is drawn from."""
    return listed(await list_orders(session, place.restaurant_id, OPEN), place)


async def one_order(place: Place, session: AsyncSession, order_id: UUID) -> dict[str, Any]:
    """What one order's page is drawn from, but for the list beside it. Raises `UnknownOrder`."""
    order = await read_order(session, place.restaurant_id, order_id)
    address = await read_address(session, place.restaurant_id, order)
    payment = (await standings(session, place.restaurant_id, [order_id]))[order_id]
    to, name = next_button(order.status, order.order_type)
    return {
        **listed([], place),
        "order": order,
        "address": address_lines(address) if address else (),
        "payment_words": on_ticket(payment, place.zone),
        "timeline": timeline(order),
        "type_label": type_label(order.order_type),
        "next_status": None if order.allergy_unseen else to,
        "next_label": name,
        "absent": OrderStatus.NO_SHOW in NEXT_STATUSES[order.status],
        "refusal": refusal_of(order.status),
        "correctable": order.status in REPLACEABLE,
        "receipt": _receipt(place, order_id, order.at),
        "sees_customers": place.may(Role.MANAGER),
    }


def _receipt(place: Place, order_id: UUID, at: datetime) -> str:
    secret = place.site.settings.link_secret.get_secret_value()
    key = ReceiptKey(ReceiptOf.ORDER, place.restaurant_id, order_id)
    return Links(public_url="", secret=secret).receipt(key, at=at)
