"""Prices, times and numbers are written as France writes them, on pages that never break them."""

from datetime import UTC, datetime

import pytest
from jinja2 import UndefinedError

from webapp import show
from webapp.templating import templates

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "0,00\u00a0€"),
        (5, "0,05\u00a0€"),
        (950, "9,50\u00a0€"),
        (123_456, "1\u202f234,56\u00a0€"),
        (-150, "\u22121,50\u00a0€"),
    ],
)
def test_price(cents: int, text: str) -> None:
    assert show.price(cents) == text


def test_clock_and_number_and_units() -> None:
    assert show.clock(datetime(2026, 11, 22, 9, 5, tzinfo=UTC)) == "9\u00a0h\u00a005"
    assert show.last_digits("+33639980134") == "••\u00a034"
    assert show.last_digits(None) == ""
    assert show.unbroken("Coca-Cola 33 cl") == "Coca-Cola 33\u00a0cl"
    assert show.unbroken("Menu 4 classiques") == "Menu 4 classiques"


def test_a_template_that_misses_a_name_fails() -> None:
    with pytest.raises(UndefinedError):
        templates().get_template("kitchen/ticket.html").render()
