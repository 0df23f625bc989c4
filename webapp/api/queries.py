"""What the JSON API reads: pages of a restaurant's rows by key, the newest first.

Ids are UUIDv7 and sort by the time they were made, so that a page begins after the id the last one
ended with, whatever was added meanwhile.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.call import Call
from controlplane.models.customer import Customer
from controlplane.models.dining_table import DiningTable
from controlplane.models.order import Order, OrderLine
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.order_vat_line import OrderVatLine
from controlplane.models.reservation import Reservation
from controlplane.models.restaurant import Restaurant
from controlplane.models.table_assignment import TableAssignment
from controlplane.restaurants.errors import UnknownOrder
from controlplane.restaurants.menus import SoldOut, read_menu
from controlplane.restaurants.people_errors import UnknownCustomer
from controlplane.restaurants.reservation_errors import UnknownReservation
from webapp.api import schemas

Row = TypeVar("Row", Order, Reservation, Customer, Call)
Shown = TypeVar("Shown", bound=schemas.Resource)


async def page_of(
    session: AsyncSession,
    model: type[Row],
    restaurant_id: UUID,
    *where: ColumnElement[bool],
    after: UUID | None,
    limit: int,
) -> tuple[Sequence[Row], UUID | None]:
    """The rows of one page, and the id to go on after; None when there are no more."""
    below = () if after is None else (model.id < after,)
    found = await session.scalars(
        select(model)
        .where(model.restaurant_id == restaurant_id, *where, *below)
        .order_by(model.id.desc())
        .limit(limit + 1)
    )
    rows = found.all()
    return rows[:limit], rows[limit - 1].id if len(rows) > limit else None


async def orders_shown(session: AsyncSession, orders: Sequence[Order]) -> list[schemas.Order]:
    """The orders with their lines, VAT lines and allergies, in three queries."""
    ids = [order.id for order in orders]
    lines = await _by_order(session, OrderLine, orders, ids, OrderLine.position)
    vat = await _by_order(session, OrderVatLine, orders, ids, OrderVatLine.rate_bp)
    allergies = await _by_order(session, OrderAllergy, orders, ids, OrderAllergy.created_at)
    return [
        schemas.Order(
            id=order.id,
            number=order.number,
            service_date=order.service_date,
            status=order.status,
            order_type=order.order_type,
            created_at=order.created_at,
            ready_at=order.ready_at,
            deliver_at=order.deliver_at,
            customer_name=order.customer_name,
            customer_phone=order.customer_phone_e164,
            table_name=order.table_name,
            note=order.note,
            allergies=[each.words for each in allergies[order.id]],
            lines=[_line(each) for each in lines[order.id]],
            items_cents=order.items_cents,
            delivery_cents=order.delivery_cents,
            discount_cents=order.discount_cents,
            total_cents=order.total_cents,
            vat=[schemas.VatLine.model_validate(each) for each in vat[order.id]],
            call_id=order.call_id,
            replaces_id=order.replaces_id,
        )
        for order in orders
    ]


async def order_shown(session: AsyncSession, restaurant_id: UUID, order_id: UUID) -> schemas.Order:
    """Return one order. Raises `UnknownOrder`."""
    order = await session.scalar(
        select(Order).where(Order.restaurant_id == restaurant_id, Order.id == order_id)
    )
    if order is None:
        raise UnknownOrder(order_id)
    return (await orders_shown(session, [order]))[0]


async def reservations_shown(
    session: AsyncSession, reservations: Sequence[Reservation]
) -> list[schemas.Reservation]:
    """The reservations with the names of their tables."""
    tables: dict[UUID, list[str]] = defaultdict(list)
    if reservations:
        rows = await session.execute(
            select(TableAssignment.reservation_id, DiningTable.name)
            .join(
                DiningTable,
                and_(
                    DiningTable.restaurant_id == TableAssignment.restaurant_id,
                    DiningTable.id == TableAssignment.table_id,
                ),
            )
            .where(
                TableAssignment.restaurant_id == reservations[0].restaurant_id,
                TableAssignment.reservation_id.in_([each.id for each in reservations]),
                TableAssignment.active,
            )
            .order_by(DiningTable.name)
        )
        for reservation_id, name in rows:
            tables[reservation_id].append(name)
    return [
        schemas.Reservation(
            id=each.id,
            number=each.number,
            status=each.status,
            source=each.source,
            party=each.party,
            starts_at=each.starts_at,
            ends_at=each.ends_at,
            name=each.customer_name,
            phone=each.customer_phone_e164,
            note=each.note,
            allergy=each.allergy_note,
            tables=tables[each.id],
            call_id=each.call_id,
            created_at=each.created_at,
        )
        for each in reservations
    ]


async def reservation_shown(
    session: AsyncSession, restaurant_id: UUID, reservation_id: UUID
) -> schemas.Reservation:
    """Return one reservation. Raises `UnknownReservation`."""
    found = await session.scalar(
        select(Reservation).where(
            Reservation.restaurant_id == restaurant_id, Reservation.id == reservation_id
        )
    )
    if found is None:
        raise UnknownReservation
    return (await reservations_shown(session, [found]))[0]


async def menu_shown(session: AsyncSession, restaurant_id: UUID, now: datetime) -> schemas.Menu:
    """The dishes that are on the menu, as a call would be told of them."""
    dishes = await read_menu(session, restaurant_id, SoldOut(now))
    return schemas.Menu(items=[schemas.MenuItem.model_validate(dish) for dish in dishes])


async def customer_shown(
    session: AsyncSession, restaurant_id: UUID, customer_id: UUID
) -> schemas.Customer:
    """Return one customer. Raises `UnknownCustomer`."""
    found = await session.scalar(
        select(Customer).where(Customer.restaurant_id == restaurant_id, Customer.id == customer_id)
    )
    if found is None:
        raise UnknownCustomer
    return customer(found)


def customer(row: Customer) -> schemas.Customer:
    return schemas.Customer(
        id=row.id,
        phone=row.phone_e164,
        name=row.name,
        language=row.language,
        seen_at=row.seen_at,
        created_at=row.created_at,
    )


async def find_call(session: AsyncSession, restaurant_id: UUID, call_id: UUID) -> Call | None:
    found: Call | None = await session.scalar(
        select(Call).where(Call.restaurant_id == restaurant_id, Call.id == call_id)
    )
    return found


async def read_restaurant_zone(session: AsyncSession, restaurant_id: UUID) -> tuple[ZoneInfo, str]:
    """The restaurant's zone, and its own number (E.164), by whose plan guests' are read."""
    zone, phone = (
        await session.execute(
            select(Restaurant.timezone, Restaurant.phone_e164).where(Restaurant.id == restaurant_id)
        )
    ).one()
    return ZoneInfo(zone), phone


def day_of(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From midnight to midnight of the restaurant."""
    start = datetime.combine(day, datetime.min.time(), zone)
    return start, datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)


async def _by_order(
    session: AsyncSession,
    model: Any,
    orders: Sequence[Order],
    ids: Collection[UUID],
    position: Any,
) -> dict[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    if orders:
        rows = await session.scalars(
            select(model)
            .where(model.restaurant_id == orders[0].restaurant_id, model.order_id.in_(ids))
            .order_by(position)
        )
        for row in rows:
            found[row.order_id].append(row)
    return found


def _line(row: OrderLine) -> schemas.OrderLine:
    return schemas.OrderLine(
        menu_item_id=row.menu_item_id,
        name=row.name,
        quantity=row.quantity,
        options=[
            schemas.OrderOption(
                name=str(option["name"]), price_delta_cents=int(option["price_delta_cents"])
            )
            for option in row.options
        ],
        unit_price_cents=row.unit_price_cents,
        total_cents=row.total_cents,
        vat_rate_bp=row.vat_rate_bp,
    )
