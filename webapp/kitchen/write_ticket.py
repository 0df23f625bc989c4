"""An order's rows become its ticket. Pure."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from controlplane.models.order import NEXT_STATUSES, Order, OrderLine, OrderStatus, OrderType
from controlplane.models.order_delivery import OrderDelivery
from controlplane.restaurants.dish_ages import USUAL, AgeLimits
from controlplane.restaurants.order_allergies import TAKEN
from controlplane.restaurants.payment_standing import Paid, Standing
from webapp import show
from webapp.kitchen.payment import on_ticket
from webapp.kitchen.ticket import DONE, Dish, Ticket, TicketLine
from webapp.kitchen.ticket_words import address_lines, next_button, status_label, type_label

Crossed = frozenset[tuple[UUID, UUID]]
_NONE: Final[dict[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order with what belongs to it."""

    order: Order
    delivery: OrderDelivery | None
    replaces: int | None
    allergies: list[tuple[str, bool]] | None
    """The caller's words, and whether somebody has read them."""
    crossed: list[tuple[str, str]] | None
    """Ids of lines and their parts that are made."""
    accepted: datetime | None
    moved: datetime | None


def write_ticket(row: OrderRow, lines: list[Row[Any]], payment: Standing, zone: ZoneInfo) -> Ticket:
    """Say what is to be made, for whom and when, and which button is next."""
    order = row.order
    status, order_type = OrderStatus(order.status), OrderType(order.order_type)
    next_status, next_label = next_button(status, order_type)
    allergies = row.allergies or []
    unseen = status not in DONE and not all(seen for _, seen in allergies)
    if unseen and next_status in TAKEN:
        next_status, next_label = None, ""
    who = (order.customer_name or "", show.last_digits(order.customer_phone_e164))
    call_back = status is OrderStatus.EXPIRED or (order.call_back and status not in DONE)
    number = order.customer_phone_e164 if call_back else None
    crossed = frozenset((UUID(line), UUID(part)) for line, part in row.crossed or ())
    return Ticket(
        order_id=order.id,
        number=order.number,
        service_date=order.service_date,
        status=status,
        order_type=order_type,
        status_label=status_label(status, order_type),
        type_label=type_label(order_type),
        next_status=next_status,
        next_label=next_label,
        lines=tuple(_line(line, crossed) for line in lines),
        note=order.note,
        customer=" ".join(part for part in who if part),
        total=show.price(order.total_cents),
        placed_at=show.clock(order.created_at.astimezone(zone)),
        ready_at=show.clock(order.ready_at.astimezone(zone)),
        placed=order.created_at,
        ready=order.ready_at,
        accepted=row.accepted,
        moved=row.moved,
        deliver_at=show.clock(order.deliver_at.astimezone(zone)) if order.deliver_at else "",
        address=address_lines(row.delivery) if row.delivery else (),
        table=order.table_name or "",
        no_show_label=_no_show_label(status, order_type),
        allergies=tuple(words for words, _ in allergies),
        allergies_unseen=unseen,
        replaces=row.replaces,
        call_back=call_back,
        caller=show.telephone(number) if number else "",
        caller_uri=f"tel:{number}" if number else "",
        payment=on_ticket(payment, zone),
        refund_due=payment.paid is Paid.REFUND_DUE,
        refusable=payment.paid is Paid.UNPAID and OrderStatus.REJECTED in NEXT_STATUSES[status],
    )


def _line(row: Row[Any], crossed: Crossed) -> TicketLine:
    line: OrderLine = row.OrderLine
    dishes = {UUID(option): dish for option, dish in (row.dishes or _NONE).items()}
    plain = [option for option in line.options if UUID(option["id"]) not in dishes]
    return TicketLine(
        quantity=line.quantity,
        name=show.unbroken(line.name),
        options=tuple(str(option["name"]) for option in (plain if dishes else line.options)),
        dishes=_parts(line, dishes, crossed) if dishes else (_whole(row, crossed),),
        set_menu=bool(dishes),
    )


def _whole(row: Row[Any], crossed: Crossed) -> Dish:
    line: OrderLine = row.OrderLine
    return Dish(
        line_id=line.id,
        part_id=line.id,
        quantity=line.quantity,
        name=show.unbroken(line.name),
        station=row.station,
        crossed=(line.id, line.id) in crossed,
        age=_age(row.amber_minutes, row.red_minutes),
    )


def _parts(line: OrderLine, dishes: dict[UUID, Any], crossed: Crossed) -> tuple[Dish, ...]:
    """Unfold a set menu: two of them with the same dish twice in each are four of it."""
    chosen = [(UUID(option["id"]), str(option["name"])) for option in line.options]
    times = Counter(option for option, _ in chosen)
    return tuple(
        Dish(
            line_id=line.id,
            part_id=option,
            quantity=line.quantity * times[option],
            name=show.unbroken(name),
            station=dishes[option][0],
            crossed=(line.id, option) in crossed,
            age=_age(*dishes[option][1:]),
        )
        for option, name in dict(chosen).items()
        if option in dishes
    )


def _age(amber: int | None, red: int | None) -> AgeLimits:
    if amber is None or red is None:
        return USUAL
    return AgeLimits(amber_minutes=amber, red_minutes=red)


def _no_show_label(status: OrderStatus, order_type: OrderType) -> str:
    """Who waits at home is absent once the order went out, and not before."""
    waits = order_type is OrderType.DELIVERY and status is OrderStatus.READY
    if waits or OrderStatus.NO_SHOW not in NEXT_STATUSES[status]:
        return ""
    return status_label(OrderStatus.NO_SHOW, order_type)
