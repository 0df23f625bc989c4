"""The demo menu is one a caller can order from, and statuses only go forward."""

from itertools import product

import pytest

from controlplane.local.demo.menu import ALCOHOL_BP, MENU, OPTION_GROUPS
from controlplane.models.order import NEXT_STATUSES, OrderStatus, OrderType
from webapp.kitchen.ticket_words import next_button, status_label

pytestmark = pytest.mark.unit

DISHES = [dish for category in MENU for dish in category.dishes]


def test_the_margherita_costs_nine_fifty() -> None:
    assert {dish.name: dish.price_cents for dish in DISHES}["Margherita"] == 950


def test_no_two_dishes_answer_to_the_same_words() -> None:
    words = [
        word
        for dish in DISHES
        for word in {name.casefold() for name in (dish.name, dish.spoken, *dish.aliases) if name}
    ]
    assert sorted(words) == sorted(set(words))


def test_every_group_of_a_category_exists() -> None:
    names = {group.name for group in OPTION_GROUPS}
    assert {name for category in MENU for name in category.groups} <= names
    assert all(0 <= group.min_select <= group.max_select for group in OPTION_GROUPS)


def test_alcohol_pays_twenty_percent() -> None:
    alcohol = {dish.name for dish in DISHES if dish.vat_rate_bp == ALCOHOL_BP}
    assert alcohol == {"Bière Moretti 33 cl", "Chianti 75 cl"}


def test_no_status_is_reached_twice() -> None:
    def reachable(status: OrderStatus) -> set[OrderStatus]:
        following = NEXT_STATUSES[status]
        return set(following).union(*(reachable(after) for after in following))

    assert set(NEXT_STATUSES) == set(OrderStatus)
    assert all(status not in reachable(status) for status in OrderStatus)


def test_every_button_is_a_step_that_is_allowed() -> None:
    for status, order_type in product(OrderStatus, OrderType):
        assert status_label(status, order_type)
        after, label = next_button(status, order_type)
        assert (after is None) == (label == "") == (not NEXT_STATUSES[status])
        assert after is None or after in NEXT_STATUSES[status]
