"""What a receipt shows. Every query is scoped by the restaurant that the link was signed for.

A link may be passed on: it shows no telephone number and no address of the customer.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.menu import MenuCategory, MenuItem, Option
from controlplane.models.order import Order, OrderLine
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.order_vat_line import OrderVatLine
from controlplane.models.reservation import Reservation
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import UnknownOrder, UnknownRestaurant
from controlplane.restaurants.reservation_errors import UnknownReservation

Allergens = tuple[str, ...] | None
"""What is declared of a dish; None is unknown, which is not the same as none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The restaurant, as its receipts name it."""

    restaurant_id: UUID
    name: str
    slug: str
    address: str
    phone_e164: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Dish:
    """A line of a receipt, or of the menu: `options` and what it costs are a receipt's."""

    name: str
    allergens: Allergens
    """Its own, and those of the dishes that are its options."""
    undeclared: tuple[str, ...] = ()
    """These of them have no declaration at all."""
    quantity: int = 1
    options: tuple[str, ...] = ()
    total_cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReceipt:
    """An order as its customer may see it."""

    number: int
    status: str
    order_type: str
    at: datetime
    customer: str
    dishes: tuple[Dish, ...]
    allergies: tuple[str, ...]
    delivery_cents: int
    discount_cents: int
    total_cents: int
    vat: tuple[tuple[int, int], ...]
    """The rate in basis points, and the VAT in cents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationReceipt:
    """A reservation as its guest may see it."""

    number: int
    status: str
    at: datetime
    customer: str
    party: int
    allergies: tuple[str, ...]


async def find_place(session: AsyncSession, restaurant_id: UUID) -> Place:
    """Return the restaurant. Raises `UnknownRestaurant`."""
    restaurant = await session.get(Restaurant, restaurant_id)
    if restaurant is None:
        raise UnknownRestaurant(restaurant_id)
    return Place(
        restaurant_id=restaurant.id,
        name=restaurant.name,
        slug=restaurant.slug,
        address=restaurant.address,
        phone_e164=restaurant.phone_e164,
        zone=ZoneInfo(restaurant.timezone),
    )


async def order_receipt(session: AsyncSession, place: Place, order_id: UUID) -> OrderReceipt:
    """Return one order. Raises `UnknownOrder`."""
    order = await session.scalar(
        select(Order).where(Order.restaurant_id == place.restaurant_id, Order.id == order_id)
    )
    if order is None:
        raise UnknownOrder(order_id)
    vat = await session.scalars(
        select(OrderVatLine)
        .where(OrderVatLine.restaurant_id == place.restaurant_id, OrderVatLine.order_id == order_id)
        .order_by(OrderVatLine.rate_bp)
    )
    allergies = await session.scalars(
        select(OrderAllergy.words)
        .where(OrderAllergy.restaurant_id == place.restaurant_id, OrderAllergy.order_id == order_id)
        .order_by(OrderAllergy.created_at)
    )
    return OrderReceipt(
        number=order.number,
        status=order.status,
        order_type=order.order_type,
        at=(order.deliver_at or order.ready_at).astimezone(place.zone),
        customer=order.customer_name or "",
        dishes=await _dishes(session, place, order_id),
        allergies=tuple(allergies),
        delivery_cents=order.delivery_cents,
        discount_cents=order.discount_cents,
        total_cents=order.total_cents,
        vat=tuple((line.rate_bp, line.vat_cents) for line in vat),
    )


async def reservation_receipt(
    session: AsyncSession, place: Place, reservation_id: UUID
) -> ReservationReceipt:
    """Return one reservation. Raises `UnknownReservation`."""
    found = await session.scalar(
        select(Reservation).where(
            Reservation.restaurant_id == place.restaurant_id, Reservation.id == reservation_id
        )
    )
    if found is None:
        raise UnknownReservation
    return ReservationReceipt(
        number=found.number,
        status=found.status,
        at=found.starts_at.astimezone(place.zone),
        customer=found.customer_name or "",
        party=found.party,
        allergies=(found.allergy_note,) if found.allergy_note else (),
    )


async def menu_dishes(session: AsyncSession, place: Place) -> list[tuple[str, list[Dish]]]:
    """The menu's categories with what is declared of each dish."""
    rows = await session.execute(
        select(MenuCategory.name, MenuItem.name, MenuItem.allergens)
        .join(
            MenuItem,
            (MenuItem.restaurant_id == MenuCategory.restaurant_id)
            & (MenuItem.category_id == MenuCategory.id),
        )
        .where(MenuCategory.restaurant_id == place.restaurant_id, MenuItem.active)
        .order_by(MenuCategory.position, MenuCategory.id, MenuItem.position, MenuItem.id)
    )
    menu: list[tuple[str, list[Dish]]] = []
    for category, name, allergens in rows:
        if not menu or menu[-1][0] != category:
            menu.append((category, []))
        menu[-1][1].append(Dish(name=name, allergens=_declared(allergens)))
    return menu


async def _dishes(session: AsyncSession, place: Place, order_id: UUID) -> tuple[Dish, ...]:
    lines = (
        await session.scalars(
            select(OrderLine)
            .where(OrderLine.restaurant_id == place.restaurant_id, OrderLine.order_id == order_id)
            .order_by(OrderLine.position)
        )
    ).all()
    declared = await _allergens(session, place, [line.menu_item_id for line in lines])
    chosen = [UUID(option["id"]) for line in lines for option in line.options]
    declared |= await _allergens_of_options(session, place, chosen)
    return tuple(_dish(line, declared) for line in lines)


def _dish(line: OrderLine, declared: Mapping[UUID, Allergens]) -> Dish:
    """A set menu has in it what its dishes have; an option that is no dish declares nothing."""
    options = [(str(option["name"]), UUID(option["id"])) for option in line.options]
    parts = [(name, declared.get(of)) for name, of in ((line.name, line.menu_item_id), *options)]
    known = [allergens for _, allergens in parts if allergens is not None]
    return Dish(
        name=line.name,
        allergens=tuple(dict.fromkeys(chain.from_iterable(known))) if known else None,
        undeclared=tuple(name for name, allergens in parts if allergens is None),
        quantity=line.quantity,
        options=tuple(name for name, _ in options),
        total_cents=line.total_cents,
    )


async def _allergens(
    session: AsyncSession, place: Place, item_ids: Collection[UUID]
) -> dict[UUID, Allergens]:
    """What is declared today; of a dish that left the menu nothing is known any more."""
    rows = await session.execute(
        select(MenuItem.id, MenuItem.allergens).where(
            MenuItem.restaurant_id == place.restaurant_id, MenuItem.id.in_(item_ids)
        )
    )
    return {item_id: _declared(allergens) for item_id, allergens in rows}


async def _allergens_of_options(
    session: AsyncSession, place: Place, option_ids: Collection[UUID]
) -> dict[UUID, Allergens]:
    """What is declared today of those of the options that are dishes."""
    rows = await session.execute(
        select(Option.id, MenuItem.allergens)
        .join(
            MenuItem,
            (MenuItem.restaurant_id == Option.restaurant_id) & (MenuItem.id == Option.item_id),
        )
        .where(Option.restaurant_id == place.restaurant_id, Option.id.in_(option_ids))
    )
    return {option_id: _declared(allergens) for option_id, allergens in rows}


def _declared(allergens: list[str] | None) -> Allergens:
    return None if allergens is None else tuple(allergens)
