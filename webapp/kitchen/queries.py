"""What the kitchen's pages and printers read. Every query is scoped by the restaurant."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Row,
    ScalarSelect,
    Text,
    and_,
    cast,
    column,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from controlplane.models.crossed_line import CrossedLine
from controlplane.models.kitchen_settings import DishAge
from controlplane.models.menu import MenuCategory, MenuItem, Option
from controlplane.models.order import Order, OrderEvent, OrderLine, OrderStatus
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.order_delivery import OrderDelivery
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import UnknownRestaurant
from controlplane.restaurants.payment_standing import money_moved_since, standings
from webapp.kitchen.ticket import DONE, Ticket
from webapp.kitchen.write_ticket import OrderRow, write_ticket
from webapp.place import Place

FINISHED_LIMIT: Final = 200
"""One page shows this many finished orders, the newest; those still to make are all shown."""
OWED_FOR: Final = timedelta(days=14)
"""What is to be given back is shown until it is, or so long after it came."""
STILL_OPEN_FOR: Final = timedelta(days=1)
"""An order nobody closed stays on the screen through the next day: the service after midnight."""


@dataclass(frozen=True, slots=True)
class Kitchen:
    """The restaurant that tickets are of."""

    restaurant_id: UUID
    name: str
    zone: ZoneInfo

    def today(self) -> date:
        return datetime.now(self.zone).date()


def kitchen_of(place: Place) -> Kitchen:
    return Kitchen(place.restaurant_id, place.name, place.zone)


async def find_kitchen(session: AsyncSession, restaurant_id: UUID) -> Kitchen:
    """Return the restaurant. Raises `UnknownRestaurant`."""
    restaurant = await session.get(Restaurant, restaurant_id)
    if restaurant is None:
        raise UnknownRestaurant(restaurant_id)
    return Kitchen(restaurant.id, restaurant.name, ZoneInfo(restaurant.timezone))


async def tickets_of_today(session: AsyncSession, kitchen: Kitchen) -> list[Ticket]:
    """Return every order still to make first, by the time they are due; then those that nobody
    took, and the day's finished ones, of which there may be more than are shown, with older ones
    whose customer is to have money back.
    """
    today = kitchen.today()
    moved = money_moved_since(kitchen.restaurant_id, datetime.now(UTC) - OWED_FOR)
    maybe_owed = Order.id.in_(moved) & Order.status.in_(DONE) & (Order.service_date < today)
    finished = (
        select(Order.id)
        .where(
            Order.restaurant_id == kitchen.restaurant_id,
            Order.status.in_(DONE - {OrderStatus.EXPIRED}),
            Order.service_date >= today,
        )
        .order_by(Order.created_at.desc())
        .limit(FINISHED_LIMIT)
    )
    which = or_(_open(today), maybe_owed, Order.id.in_(finished))
    return sorted(
        (
            ticket
            for ticket in await _tickets(session, kitchen, which)
            if ticket.refund_due or not ticket.done or ticket.service_date >= _since(ticket, today)
        ),
        key=_place,
    )


def _since(ticket: Ticket, today: date) -> date:
    return today - STILL_OPEN_FOR if ticket.status is OrderStatus.EXPIRED else today


async def categories(session: AsyncSession, restaurant_id: UUID) -> list[tuple[UUID, str]]:
    """Return the menu's categories in its order."""
    rows = await session.execute(
        select(MenuCategory.id, MenuCategory.name)
        .where(MenuCategory.restaurant_id == restaurant_id)
        .order_by(MenuCategory.position, MenuCategory.id)
    )
    return [(id, name) for id, name in rows]


async def open_tickets(session: AsyncSession, kitchen: Kitchen) -> list[Ticket]:
    """Return every order still to make."""
    of_now = _open(kitchen.today()) & Order.status.not_in(DONE)
    return await _tickets(session, kitchen, of_now)


async def tickets_by_id(
    session: AsyncSession, kitchen: Kitchen, order_ids: Collection[UUID]
) -> dict[UUID, Ticket]:
    """Return those that are this restaurant's, by id."""
    if not order_ids:
        return {}
    tickets = await _tickets(session, kitchen, Order.id.in_(order_ids))
    return {ticket.order_id: ticket for ticket in tickets}


def _open(today: date) -> ColumnElement[bool]:
    """Orders that nobody closed, or that nobody took."""
    unfinished = Order.status.not_in(DONE - {OrderStatus.EXPIRED})
    return unfinished & (Order.service_date >= today - STILL_OPEN_FOR)


def _place(ticket: Ticket) -> tuple[bool, bool, datetime, int]:
    over = ticket.done and ticket.status is not OrderStatus.EXPIRED
    return ticket.done, over, ticket.ready, ticket.number


async def _tickets(
    session: AsyncSession, kitchen: Kitchen, which: ColumnElement[bool]
) -> list[Ticket]:
    """Read orders with all that is on their tickets."""
    orders = await _orders(session, kitchen, which)
    lines = await _lines(session, kitchen, orders)
    payments = await standings(session, kitchen.restaurant_id, orders)
    return [
        write_ticket(row, lines[order_id], payments[order_id], kitchen.zone)
        for order_id, row in orders.items()
    ]


async def _orders(
    session: AsyncSession, kitchen: Kitchen, which: ColumnElement[bool]
) -> dict[UUID, OrderRow]:
    replaced = aliased(Order)
    rows = await session.execute(
        select(
            Order,
            OrderDelivery,
            replaced.number,
            _allergies(),
            _crossed(),
            _moved_to(OrderStatus.ACCEPTED),
            _moved_to(Order.status),
        )
        .outerjoin(
            OrderDelivery,
            and_(
                OrderDelivery.restaurant_id == Order.restaurant_id,
                OrderDelivery.order_id == Order.id,
                Order.status.not_in(DONE),
            ),
        )
        .outerjoin(
            replaced,
            and_(replaced.restaurant_id == Order.restaurant_id, replaced.id == Order.replaces_id),
        )
        .where(Order.restaurant_id == kitchen.restaurant_id, which)
        .order_by(Order.created_at.desc())
    )
    return {row[0].id: OrderRow(*row) for row in rows}


def _allergies() -> ScalarSelect[Any]:
    """What was told with the order: a list of [words, whether somebody has read it]."""
    told = func.json_build_array(OrderAllergy.words, OrderAllergy.acknowledged_at.is_not(None))
    return (
        select(func.json_agg(aggregate_order_by(told, OrderAllergy.created_at)))
        .where(OrderAllergy.restaurant_id == Order.restaurant_id, OrderAllergy.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )


def _crossed() -> ScalarSelect[Any]:
    """What is made of it: a list of [line, part]."""
    part = func.json_build_array(CrossedLine.line_id, CrossedLine.part_id)
    return (
        select(func.json_agg(part))
        .where(CrossedLine.restaurant_id == Order.restaurant_id, CrossedLine.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )


def _moved_to(status: OrderStatus | ColumnElement[str] | Any) -> ScalarSelect[Any]:
    return (
        select(func.max(OrderEvent.at))
        .where(
            OrderEvent.restaurant_id == Order.restaurant_id,
            OrderEvent.order_id == Order.id,
            OrderEvent.to_status == status,
        )
        .correlate(Order)
        .scalar_subquery()
    )


async def _lines(
    session: AsyncSession, kitchen: Kitchen, order_ids: Collection[UUID]
) -> dict[UUID, list[Row[Any]]]:
    """Return the orders' lines with the station and the age limits of their dishes, as the menu has
    them today: a dish that left it has none.
    """
    found: dict[UUID, list[Row[Any]]] = defaultdict(list)
    if not order_ids:
        return found
    rows = await session.execute(
        select(
            OrderLine,
            func.coalesce(MenuItem.station, "").label("station"),
            DishAge.amber_minutes,
            DishAge.red_minutes,
            _dishes_of_options().label("dishes"),
        )
        .outerjoin(
            MenuItem,
            and_(
                MenuItem.restaurant_id == OrderLine.restaurant_id,
                MenuItem.id == OrderLine.menu_item_id,
            ),
        )
        .outerjoin(DishAge, _age_of(MenuItem))
        .where(OrderLine.restaurant_id == kitchen.restaurant_id, OrderLine.order_id.in_(order_ids))
        .order_by(OrderLine.position)
    )
    for row in rows:
        found[row.OrderLine.order_id].append(row)
    return found


def _dishes_of_options() -> ScalarSelect[Any]:
    """Those of a line's options that are dishes: `{option: [station, amber, red]}`."""
    dish, age = aliased(MenuItem), aliased(DishAge)
    chosen = func.jsonb_array_elements(OrderLine.options).table_valued(column("value", JSONB))
    return (
        select(
            func.json_object_agg(
                Option.id,
                func.json_build_array(dish.station, age.amber_minutes, age.red_minutes),
            )
        )
        .join(dish, and_(dish.restaurant_id == Option.restaurant_id, dish.id == Option.item_id))
        .outerjoin(age, _age_of(dish, age))
        .where(
            Option.restaurant_id == OrderLine.restaurant_id,
            cast(Option.id, Text).in_(select(chosen.c.value["id"].astext).correlate(OrderLine)),
        )
        .correlate(OrderLine)
        .scalar_subquery()
    )


def _age_of(dish: Any, age: Any = DishAge) -> ColumnElement[bool]:
    return and_(age.restaurant_id == dish.restaurant_id, age.category_id == dish.category_id)
