"""What the kitchen reads of an order. Every query is scoped by the restaurant."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.order import NEXT_STATUSES, Order, OrderLine, OrderStatus, OrderType
from controlplane.models.order_allergy import OrderAllergy
from controlplane.models.order_delivery import OrderDelivery
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.errors import UnknownRestaurant
from controlplane.restaurants.order_allergies import MADE
from controlplane.restaurants.payment_standing import Paid, Standing, refunds_due, standings
from webapp import show
from webapp.kitchen.payment import on_ticket
from webapp.kitchen.ticket_words import TYPE_LABELS, address_lines, next_button, status_label

FINISHED_LIMIT: Final = 200
"""One page shows this many finished orders, the newest; those still to make are all shown."""
OWED_FOR: Final = timedelta(days=14)
"""What is to be given back is shown until it is, or so long after it came."""
STILL_OPEN_FOR: Final = timedelta(days=1)
"""An order nobody closed stays on the screen through the next day: the service after midnight."""

DONE: Final = frozenset(status for status, following in NEXT_STATUSES.items() if not following)


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """A line such as "2 × Margherita", with its options below."""

    quantity: int
    name: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as the kitchen shows it: already in French, in the restaurant's time."""

    order_id: UUID
    number: int
    status: OrderStatus
    status_label: str
    type_label: str
    next_status: OrderStatus | None
    next_label: str
    lines: tuple[TicketLine, ...]
    note: str
    customer: str
    total: str
    placed_at: str
    ready_at: str
    ready_at_utc: str
    """The page sorts by it and marks late ones (ISO 8601)."""
    deliver_at: str = ""
    """A delivery is promised at its door then."""
    address: tuple[str, ...] = ()
    """Where it goes, line by line; it is empty once it was there."""
    table: str = ""
    """Where on site it is served, if a table was named."""
    no_show_label: str = ""
    """What a second button says while the customer of what is made may not come; empty else."""
    allergies: tuple[str, ...] = ()
    """What the caller must not eat, in their words."""
    allergies_unseen: bool = False
    replaces: int | None = None
    """The number of the order this one corrects."""
    call_back: bool = False
    """The caller does not know whether the order is placed, or that nobody takes it."""
    caller: str = ""
    """The whole number, where the kitchen is to call; it is empty otherwise, and when hidden."""
    caller_uri: str = ""
    payment: str = ""
    """How it stands with its payment; empty where it is paid as ever."""
    refusable: bool = False
    """It was not paid in time: the restaurant accepts or refuses it."""

    @property
    def done(self) -> bool:
        return self.status in DONE


@dataclass(frozen=True, slots=True)
class Kitchen:
    """The restaurant that a kitchen page belongs to."""

    restaurant_id: UUID
    name: str
    zone: ZoneInfo

    def today(self) -> date:
        return datetime.now(self.zone).date()


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
    still_open = Order.status.not_in(DONE) & (Order.service_date >= today - STILL_OPEN_FOR)
    expired = (Order.status == OrderStatus.EXPIRED) & (Order.service_date >= today - STILL_OPEN_FOR)
    finished = Order.status.in_(DONE - {OrderStatus.EXPIRED}) & (Order.service_date >= today)
    since = datetime.now(UTC) - OWED_FOR
    owed = Order.id.in_(await refunds_due(session, kitchen.restaurant_id, since=since))
    older = owed & Order.status.in_(DONE) & (Order.service_date < today)
    tickets = [
        *await _tickets(session, kitchen, still_open | expired | older),
        *await _tickets(session, kitchen, finished, newest=FINISHED_LIMIT),
    ]
    return sorted(tickets, key=_place)


def _place(ticket: Ticket) -> tuple[bool, bool, str, int]:
    over = ticket.done and ticket.status is not OrderStatus.EXPIRED
    return ticket.done, over, ticket.ready_at_utc, ticket.number


async def tickets_by_id(
    session: AsyncSession, kitchen: Kitchen, order_ids: Collection[UUID]
) -> dict[UUID, Ticket]:
    """Return those that are this restaurant's, by id."""
    if not order_ids:
        return {}
    tickets = await _tickets(session, kitchen, Order.id.in_(order_ids))
    return {ticket.order_id: ticket for ticket in tickets}


async def _tickets(
    session: AsyncSession,
    kitchen: Kitchen,
    which: ColumnElement[bool],
    *,
    newest: int | None = None,
) -> list[Ticket]:
    orders = await session.scalars(
        select(Order)
        .where(Order.restaurant_id == kitchen.restaurant_id, which)
        .order_by(Order.created_at.desc())
        .limit(newest)
    )
    by_id = {order.id: order for order in orders}
    lines: dict[UUID, list[OrderLine]] = defaultdict(list)
    for line in await session.scalars(
        select(OrderLine)
        .where(OrderLine.restaurant_id == kitchen.restaurant_id, OrderLine.order_id.in_(by_id))
        .order_by(OrderLine.position)
    ):
        lines[line.order_id].append(line)
    allergies = await _allergies(session, kitchen, by_id)
    payments = await standings(session, kitchen.restaurant_id, by_id)
    deliveries = await _deliveries(session, kitchen, by_id)
    numbers = await _numbers(session, kitchen, [order.replaces_id for order in by_id.values()])
    return [
        _ticket(
            order,
            lines[order.id],
            kitchen.zone,
            allergies=allergies[order.id],
            delivery=deliveries.get(order.id),
            replaces=numbers.get(order.replaces_id),
            payment=payments[order.id],
        )
        for order in by_id.values()
    ]


async def _allergies(
    session: AsyncSession, kitchen: Kitchen, order_ids: Collection[UUID]
) -> dict[UUID, list[OrderAllergy]]:
    """Return what was told with the orders, by the order's id."""
    found: dict[UUID, list[OrderAllergy]] = defaultdict(list)
    for allergy in await session.scalars(
        select(OrderAllergy)
        .where(
            OrderAllergy.restaurant_id == kitchen.restaurant_id,
            OrderAllergy.order_id.in_(order_ids),
        )
        .order_by(OrderAllergy.created_at)
    ):
        found[allergy.order_id].append(allergy)
    return found


async def _deliveries(
    session: AsyncSession, kitchen: Kitchen, orders: dict[UUID, Order]
) -> dict[UUID, OrderDelivery]:
    """Return where those of the orders go that are still to be delivered, by the order's id."""
    waited_for = [order.id for order in orders.values() if order.status not in DONE]
    found = await session.scalars(
        select(OrderDelivery).where(
            OrderDelivery.restaurant_id == kitchen.restaurant_id,
            OrderDelivery.order_id.in_(waited_for),
        )
    )
    return {delivery.order_id: delivery for delivery in found}


async def _numbers(
    session: AsyncSession, kitchen: Kitchen, order_ids: Collection[UUID | None]
) -> dict[UUID | None, int]:
    """Return the orders' numbers, by id."""
    if not any(order_ids):
        return {}
    rows = await session.execute(
        select(Order.id, Order.number).where(
            Order.restaurant_id == kitchen.restaurant_id, Order.id.in_(order_ids)
        )
    )
    return {order_id: number for order_id, number in rows}


def _ticket(
    order: Order,
    lines: list[OrderLine],
    zone: ZoneInfo,
    *,
    allergies: list[OrderAllergy],
    delivery: OrderDelivery | None,
    replaces: int | None,
    payment: Standing,
) -> Ticket:
    status, order_type = OrderStatus(order.status), OrderType(order.order_type)
    next_status, next_label = next_button(status, order_type)
    unseen = status not in DONE and any(allergy.acknowledged_at is None for allergy in allergies)
    if unseen and next_status in MADE:
        next_status, next_label = None, ""
    who = (order.customer_name or "", show.last_digits(order.customer_phone_e164))
    call_back = status is OrderStatus.EXPIRED or (order.call_back and status not in DONE)
    number = order.customer_phone_e164 if call_back else None
    return Ticket(
        order_id=order.id,
        number=order.number,
        status=status,
        status_label=status_label(status, order_type),
        type_label=TYPE_LABELS[order_type],
        next_status=next_status,
        next_label=next_label,
        lines=tuple(
            TicketLine(
                quantity=line.quantity,
                name=show.unbroken(line.name),
                options=tuple(str(option["name"]) for option in line.options),
            )
            for line in lines
        ),
        note=order.note,
        customer=" ".join(part for part in who if part),
        total=show.price(order.total_cents),
        placed_at=show.clock(order.created_at.astimezone(zone)),
        ready_at=show.clock(order.ready_at.astimezone(zone)),
        ready_at_utc=order.ready_at.astimezone(UTC).isoformat(timespec="seconds"),
        deliver_at=show.clock(order.deliver_at.astimezone(zone)) if order.deliver_at else "",
        address=address_lines(delivery) if delivery else (),
        table=order.table_name or "",
        no_show_label=_no_show_label(status, order_type),
        allergies=tuple(allergy.words for allergy in allergies),
        allergies_unseen=unseen,
        replaces=replaces,
        call_back=call_back,
        caller=show.telephone(number) if number else "",
        caller_uri=f"tel:{number}" if number else "",
        payment=on_ticket(payment, zone),
        refusable=payment.paid is Paid.UNPAID and OrderStatus.REJECTED in NEXT_STATUSES[status],
    )


def _no_show_label(status: OrderStatus, order_type: OrderType) -> str:
    """Who waits at home is absent once the order went out, and not before."""
    waits = order_type is OrderType.DELIVERY and status is OrderStatus.READY
    if waits or OrderStatus.NO_SHOW not in NEXT_STATUSES[status]:
        return ""
    return status_label(OrderStatus.NO_SHOW, order_type)
