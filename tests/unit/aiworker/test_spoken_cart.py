"""The cart as it is read to the caller: numbers agree with the dish, options follow it."""

import pytest

from aiworker.tools.spoken_cart import spoken_cart, spoken_line
from controlplane.restaurants.cart import Cart
from tests.small_menu import COLA, DOUGH, EXTRAS, MARGHERITA, WATER

pytestmark = pytest.mark.unit


def test_it_is_read_back_with_its_total() -> None:
    cart = Cart.empty()
    cart.add(MARGHERITA, [DOUGH.options[0], EXTRAS.options[0]], 1)
    cart.add(COLA, [], 2)
    assert spoken_cart(cart) == (
        "une Margherita, fine, mozzarella, onze euros ; deux Coca-Cola 33 cl, six euros. "
        "Total : dix-sept euros."
    )


def test_a_line_is_said_with_its_number_in_the_dish_s_gender() -> None:
    cart = Cart.empty()
    assert spoken_line(cart.add(WATER, [], 1)) == "une Eau plate"
    assert spoken_line(cart.add(COLA, [], 1)) == "un Coca-Cola 33 cl"
