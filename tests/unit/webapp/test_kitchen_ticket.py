"""A ticket's sums, stations and ages: what a cook goes by."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from controlplane.models.order import OrderStatus, OrderType
from controlplane.restaurants.dish_ages import AgeLimits
from webapp.kitchen.ticket import Dish, Ticket, TicketLine, to_make

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 27, 18, 42, tzinfo=UTC)
SOON = AgeLimits(amber_minutes=8, red_minutes=12)


def ticket(*dishes: Dish, status: OrderStatus = OrderStatus.ACCEPTED) -> Ticket:
    return Ticket(
        order_id=UUID(int=2),
        number=12,
        service_date=date(2026, 11, 27),
        status=status,
        order_type=OrderType.PICKUP,
        status_label="Acceptée",
        type_label="À emporter",
        next_status=OrderStatus.PREPARING,
        next_label="Commencer",
        lines=tuple(
            TicketLine(quantity=each.quantity, name=each.name, options=(), dishes=(each,))
            for each in dishes
        ),
        note="",
        customer="Camille",
        total="24,50\u00a0€",
        placed_at="19\u00a0h\u00a002",
        ready_at="19\u00a0h\u00a022",
        placed=NOW - timedelta(minutes=20),
        ready=NOW + timedelta(minutes=10),
        accepted=NOW - timedelta(minutes=10),
    )


def dish(name: str, quantity: int = 1, station: str = "four") -> Dish:
    line = UUID(int=3)
    return Dish(line_id=line, part_id=line, quantity=quantity, name=name, station=station)


def test_open_orders_are_summed_by_dish_the_most_first() -> None:
    orders = [
        ticket(dish("Regina", 2), dish("Margherita", 7)),
        ticket(dish("Margherita", 4), replace(dish("Regina", 9), crossed=True)),
        ticket(dish("Margherita", 50), status=OrderStatus.READY),
    ]
    assert to_make(orders) == [("Margherita", 11), ("Regina", 2)]
    assert to_make(orders, "salades") == []


def test_a_station_sees_its_dishes_and_how_many_are_made_elsewhere() -> None:
    whole = ticket(dish("Regina", 2), dish("Salade", 3, station="salades"))
    at = whole.at_station("Four")
    assert at is not None
    assert ([each.name for each in at.dishes], at.elsewhere) == (["Regina"], 3)
    assert whole.at_station("bar") is None
    assert whole.at_station("") is whole


def test_the_first_dish_to_have_waited_too_long_colours_the_ticket() -> None:
    slow = dish("Gigot")
    quick = replace(dish("Regina"), age=SOON)
    assert ticket(slow).age(NOW - timedelta(minutes=1)) == ""
    assert ticket(slow).age(NOW) == "amber"
    assert ticket(slow, quick).age(NOW + timedelta(minutes=2)) == "red"
    made = replace(quick, crossed=True)
    assert ticket(slow, made).age(NOW + timedelta(minutes=2)) == "amber"
    assert ticket(quick, status=OrderStatus.READY).age(NOW + timedelta(hours=1)) == ""
    assert ticket(slow).late(NOW + timedelta(minutes=11))
