"""Somebody of the restaurant takes an order: at the counter, or over their own telephone.

It is placed like a call's, by `place_order`, under a key of the page it was typed on: sent twice,
it is one order.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.contracts.restaurant_config import MenuItem
from controlplane.models.order import Order, OrderType
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.delivery_zones import Address, Zone, delivery_to
from controlplane.restaurants.errors import CartEmpty, TotalChanged, UnknownRestaurant
from controlplane.restaurants.menu_portions import portions_returning
from controlplane.restaurants.menus import SoldOut, read_menu
from controlplane.restaurants.order_by_hand import TypedLine, cart_of
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder, Taking, key_of_form
from controlplane.restaurants.place_order import Sessions, place_order
from controlplane.restaurants.read_number import read_number
from controlplane.restaurants.zone_rows import read_zones
from controlplane.tenancy import restaurant_session


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedOrder:
    """An order as it was typed. `told_cents` is the total that the page showed."""

    form: UUID
    lines: tuple[TypedLine, ...]
    order_type: OrderType
    told_cents: int
    wanted_at: datetime | None = None
    """It is in the restaurant's zone; None: as soon as can be."""
    address: Address | None = None
    """Where a delivery goes."""
    table_name: str = ""
    customer_name: str = ""
    phone: str = ""
    note: str = ""
    allergy: str = ""
    replaces_id: UUID | None = None
    """The order that this one corrects."""


async def take_by_hand(
    sessions: Sessions, restaurant_id: UUID, typed: TypedOrder, *, actor: str
) -> PlacedOrder:
    """Place it. Raises the rule that its first faulty line breaks, `NotANumber`, `TotalChanged`,
    what `delivery_to` raises, and what `place_order` raises.

    Whoever is refused asks `order_of_form`: the page may have placed its order already.
    """
    async with restaurant_session(sessions, restaurant_id) as session:
        offered = await _offered(session, restaurant_id, typed)
    draft = _draft(offered, typed)
    return await place_order(sessions, draft, Taking(by=actor, wanted_at=typed.wanted_at))


async def order_of_form(session: AsyncSession, restaurant_id: UUID, form: UUID) -> UUID | None:
    """The id of the order that was placed from this page, if one was."""
    found: UUID | None = await session.scalar(
        select(Order.id).where(
            Order.restaurant_id == restaurant_id, Order.idempotency_key == key_of_form(form)
        )
    )
    return found


@dataclass(frozen=True, slots=True)
class _Offered:
    """What the restaurant has now, and whose call the replaced order was."""

    restaurant: Restaurant
    menu: tuple[MenuItem, ...]
    zones: tuple[Zone, ...]
    now: datetime
    call_id: UUID | None


async def _offered(session: AsyncSession, restaurant_id: UUID, typed: TypedOrder) -> _Offered:
    restaurant = await session.get(Restaurant, restaurant_id)
    if restaurant is None:
        raise UnknownRestaurant(restaurant_id)
    now = datetime.now(UTC)
    returning = await portions_returning(session, restaurant_id, typed.replaces_id)
    menu = await read_menu(session, restaurant_id, SoldOut(now), returning=returning)
    zones = await read_zones(session, restaurant_id) if typed.address else ()
    call_id: UUID | None = await session.scalar(
        select(Order.call_id).where(
            Order.restaurant_id == restaurant_id, Order.id == typed.replaces_id
        )
    )
    return _Offered(restaurant, menu, zones, now, call_id)


def _draft(offered: _Offered, typed: TypedOrder) -> OrderDraft:
    cart = cart_of(typed.lines, offered.menu)
    if cart.first_fault is not None:
        raise cart.first_fault
    if not cart.lines:
        raise CartEmpty
    own, phone = offered.restaurant.phone_e164, typed.phone
    items_cents = cart.cart.total_cents
    draft = OrderDraft(
        restaurant_id=offered.restaurant.id,
        call_id=offered.call_id,
        idempotency_key=key_of_form(typed.form),
        confirmed_at=offered.now,
        lines=cart.cart.lines,
        order_type=typed.order_type,
        delivery=delivery_to(typed.address, offered.zones, items_cents=items_cents)
        if typed.address
        else None,
        table_name=typed.table_name or None,
        customer_name=typed.customer_name or None,
        customer_phone_e164=read_number(phone, own=own) if phone else None,
        note=typed.note,
        allergy=typed.allergy or None,
        replaces_id=typed.replaces_id,
    )
    if draft.total_cents != typed.told_cents:
        raise TotalChanged(draft.total_cents)
    return draft
