"""The cart: what may be in it, what it costs, and that a refused change changes nothing."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.restaurant_config import MenuItem, Option
from controlplane.restaurants.cart import MOST_LINES, MOST_OF_ONE, Cart, CartState
from controlplane.restaurants.errors import (
    CartFull,
    DishSoldOut,
    OptionMissing,
    OptionSoldOut,
    RestaurantError,
    TooManyOfOne,
    TooManyOptions,
    UnknownLine,
)
from tests.small_menu import CALZONE, CHEESES, COLA, DOUGH, EXTRAS, MARGHERITA, dish

pytestmark = pytest.mark.unit

FINE, THICK, NO_GLUTEN = DOUGH.options
MOZZARELLA, EGG, HAM = EXTRAS.options


def cart_with(*dishes: tuple[MenuItem, list[Option], int]) -> Cart:
    cart = Cart.empty()
    for item, options, quantity in dishes:
        cart.add(item, options, quantity)
    return cart


def test_prices_come_from_the_menu_options_included() -> None:
    cart = cart_with((MARGHERITA, [FINE, MOZZARELLA], 2), (COLA, [], 1))
    assert [line.unit_price_cents for line in cart.lines] == [1_100, 300]
    assert cart.total_cents == 2_500


def test_every_change_has_its_revision() -> None:
    cart = Cart.empty()
    revisions = [cart.revision]
    line = cart.add(COLA, [], 1)
    revisions.append(cart.revision)
    cart.change(line.line, COLA, [], 2)
    revisions.append(cart.revision)
    cart.remove(line.line)
    revisions.append(cart.revision)
    assert revisions == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "other",
    [
        cart_with((MARGHERITA, [FINE], 2), (COLA, [], 1)),
        cart_with((MARGHERITA, [FINE, EGG], 1), (COLA, [], 1)),
        cart_with((MARGHERITA, [THICK], 1), (COLA, [], 1)),
        cart_with((dish("Margherita", 1_000, groups=(DOUGH,)), [FINE], 1), (COLA, [], 1)),
        cart_with((MARGHERITA, [FINE], 1)),
    ],
    ids=["quantity", "option more", "other option", "price", "line less"],
)
def test_what_is_ordered_and_its_price_make_the_digest(other: Cart) -> None:
    assert other.digest != cart_with((MARGHERITA, [FINE], 1), (COLA, [], 1)).digest


def test_the_order_of_options_and_the_spelling_make_no_other_digest() -> None:
    spelt = COLA.model_copy(update={"name": "Coca"})
    one = cart_with((MARGHERITA, [FINE, EGG], 1), (COLA, [], 1))
    two = cart_with((MARGHERITA, [EGG, FINE], 1), (spelt, [], 1))
    assert one.digest == two.digest


def test_the_same_again_is_more_of_it() -> None:
    cart = cart_with((MARGHERITA, [FINE, EGG], 1), (MARGHERITA, [EGG, FINE], 2))
    assert [(line.line, line.quantity) for line in cart.lines] == [(1, 3)]


def test_another_option_is_another_line() -> None:
    cart = cart_with((MARGHERITA, [FINE], 1), (MARGHERITA, [THICK], 1))
    assert [line.line for line in cart.lines] == [1, 2]


def test_a_removed_line_s_number_is_not_used_again() -> None:
    cart = cart_with((COLA, [], 1))
    cart.remove(1)
    assert cart.add(CHEESES, [], 1).line == 2


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda cart: cart.add(CALZONE, [], 1), DishSoldOut),
        (lambda cart: cart.add(MARGHERITA, [], 1), OptionMissing),
        (lambda cart: cart.add(MARGHERITA, [FINE, THICK], 1), TooManyOptions),
        (lambda cart: cart.add(MARGHERITA, [FINE, FINE], 1), TooManyOptions),
        (lambda cart: cart.add(MARGHERITA, [NO_GLUTEN], 1), OptionSoldOut),
        (lambda cart: cart.add(MARGHERITA, [FINE, MOZZARELLA, EGG, HAM], 1), TooManyOptions),
        (lambda cart: cart.add(COLA, [], MOST_OF_ONE + 1), TooManyOfOne),
        (lambda cart: cart.add(COLA, [], MOST_OF_ONE), TooManyOfOne),
        (lambda cart: cart.change(9, COLA, [], 1), UnknownLine),
        (lambda cart: cart.remove(9), UnknownLine),
    ],
)
def test_what_is_refused_changes_nothing(
    change: Callable[[Cart], object], refusal: type[RestaurantError]
) -> None:
    cart = cart_with((COLA, [], 1))
    before = cart.state
    with pytest.raises(refusal):
        change(cart)
    assert cart.state == before


def test_an_option_twice_is_had_and_paid_twice() -> None:
    cart = cart_with((MARGHERITA, [FINE, EGG, EGG], 1), (MARGHERITA, [FINE, EGG], 1))
    assert [line.total_cents for line in cart.lines] == [1_150, 1_050]


def test_a_note_makes_another_line_and_is_told_to_the_kitchen() -> None:
    cart = cart_with((CHEESES, [], 2))
    cart.add(CHEESES, [], 1, note="sans gorgonzola")
    cart.add(CHEESES, [], 1, note="sans gorgonzola")
    assert [line.quantity for line in cart.lines] == [2, 2]
    assert cart.kitchen_note("") == "2 × Quatre fromages : sans gorgonzola"
    assert cart.kitchen_note("vite") == "vite ; 2 × Quatre fromages : sans gorgonzola"


def test_there_is_an_end_to_an_order() -> None:
    cart = cart_with(*((dish(f"Plat {n}", 100), [], 1) for n in range(MOST_LINES)))
    with pytest.raises(CartFull):
        cart.add(COLA, [], 1)


def test_it_survives_its_worker() -> None:
    cart = cart_with((MARGHERITA, [FINE], 1), (COLA, [], 2))
    again = Cart(CartState.model_validate_json(cart.state.to_json()))
    assert again == cart
    assert again.add(CHEESES, [], 1).line == 3


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(1, MOST_OF_ONE)), max_size=10))
def test_the_total_is_the_sum_of_what_is_read_back(lines: list[tuple[int, int]]) -> None:
    cart = cart_with(*((dish(f"Plat {n}", c), [], q) for n, (c, q) in enumerate(lines)))
    assert cart.total_cents == sum(cents * quantity for cents, quantity in lines)
    assert cart.revision == len(lines)
