"""What a customer always orders is found in their past orders, and nothing they had once."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.restaurants.usual import ORDERS_LOOKED_AT, PastDish, usual

pytestmark = pytest.mark.unit

PIZZA, COLA, SALAD = UUID(int=1), UUID(int=2), UUID(int=3)
FINE = (("a", "fine"),)


def dish(item: UUID = PIZZA, name: str = "", quantity: int = 1, *, fine: bool = False) -> PastDish:
    return PastDish(
        menu_item_id=item,
        name=name or f"dish {item.int}",
        options=FINE if fine else (),
        quantity=quantity,
    )


ORDERS = st.lists(
    st.lists(
        st.builds(
            dish,
            st.sampled_from([PIZZA, COLA, SALAD]),
            quantity=st.integers(1, 4),
            fine=st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    max_size=14,
)


def test_the_dish_of_every_order_is_usual_and_that_of_one_is_not() -> None:
    found = usual([[dish(quantity=2)], [dish(quantity=2), dish(SALAD)], [dish(quantity=2)]])
    assert [(habit.dish, habit.times) for habit in found] == [(dish(quantity=2), 3)]


def test_one_order_is_no_habit() -> None:
    assert usual([[dish()]]) == ()
    assert usual([]) == ()


def test_a_dish_with_other_options_is_another() -> None:
    assert usual([[dish(fine=True)], [dish()], [dish(SALAD)], [dish(COLA)]]) == ()
    found = usual([[dish(fine=True)], [dish(fine=True)], [dish()]])
    assert [habit.dish.spelt for habit in found] == ["dish 1 (fine)"]


def test_two_lines_of_a_dish_are_one_quantity_and_the_smaller_wins_a_tie() -> None:
    split = [dish(), dish()]
    assert usual([split, [dish(quantity=2)]])[0].dish.quantity == 2
    assert usual([[dish(quantity=3)], [dish(quantity=1)]])[0].dish.quantity == 1


def test_a_dish_renamed_has_its_newest_name() -> None:
    found = usual([[dish(name="Reine (Menus)")], [dish(name="Reine")]])
    assert [habit.dish.name for habit in found] == ["Reine (Menus)"]


@given(ORDERS)
def test_half_of_the_orders_looked_at_had_it_and_older_ones_change_nothing(
    orders: list[list[PastDish]],
) -> None:
    found = usual(orders)
    looked_at = orders[:ORDERS_LOOKED_AT]
    for habit in found:
        had = [
            order
            for order in looked_at
            if any(
                (one.menu_item_id, one.options) == (habit.dish.menu_item_id, habit.dish.options)
                for one in order
            )
        ]
        assert len(had) == habit.times >= 2
        assert 2 * habit.times >= len(looked_at)
    assert found == usual(looked_at)
    assert [habit.times for habit in found] == sorted(
        (habit.times for habit in found), reverse=True
    )
