"""An order's money is integer cents, with VAT taken out of what the caller pays, once a rate."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.restaurants.money import (
    WHOLE_BP,
    VatShare,
    line_total_cents,
    total_cents,
    unit_price_cents,
    vat_by_rate,
)
from tests.small_menu import COLA, DOUGH, EXTRAS, MARGHERITA, option

pytestmark = pytest.mark.unit

EATEN_HERE, PACKAGED, ALCOHOL = 1_000, 550, 2_000


@dataclass(frozen=True)
class Line:
    quantity: int
    unit_price_cents: int
    vat_rate_bp: int


LINES = st.lists(
    st.builds(
        Line,
        quantity=st.integers(1, 20),
        unit_price_cents=st.integers(0, 100_000),
        vat_rate_bp=st.sampled_from([0, PACKAGED, EATEN_HERE, ALCOHOL, WHOLE_BP]),
    ),
    max_size=40,
)


def test_options_are_in_the_price_of_one() -> None:
    fine, mozzarella = DOUGH.options[0], EXTRAS.options[0]
    assert unit_price_cents(MARGHERITA, [fine, mozzarella]) == 950 + 150


def test_no_option_makes_a_dish_cost_less_than_nothing() -> None:
    assert unit_price_cents(COLA, [option("offert", delta=-1_000)]) == 0


@pytest.mark.parametrize(
    ("gross", "rate", "vat"),
    [
        (1_100, EATEN_HERE, 100),
        (1_055, PACKAGED, 55),
        (1_200, ALCOHOL, 200),
        (950, EATEN_HERE, 86),  # 86.36
        (300, PACKAGED, 16),  # 15.64
        (3, ALCOHOL, 1),  # 0.5: up
        (500, 0, 0),
        (0, EATEN_HERE, 0),
    ],
)
def test_vat_is_taken_out_of_the_price(gross: int, rate: int, vat: int) -> None:
    (share,) = vat_by_rate([Line(1, gross, rate)])
    assert (share.vat_cents, share.net_cents) == (vat, gross - vat)


def test_vat_is_rounded_once_a_rate_and_not_once_a_line() -> None:
    lines = [Line(1, 5, EATEN_HERE)] * 10  # 0.45 cents each: nothing, ten times over
    assert vat_by_rate(lines) == (VatShare(rate_bp=EATEN_HERE, gross_cents=50, vat_cents=5),)


def test_each_rate_has_its_share_lowest_first() -> None:
    lines = [Line(1, 1_200, ALCOHOL), Line(2, 1_100, EATEN_HERE), Line(1, 600, ALCOHOL)]
    assert [(share.rate_bp, share.gross_cents) for share in vat_by_rate(lines)] == [
        (EATEN_HERE, 2_200),
        (ALCOHOL, 1_800),
    ]


@given(LINES)
def test_what_is_paid_is_net_and_vat_to_the_cent(lines: list[Line]) -> None:
    shares = vat_by_rate(lines)
    assert sum(share.net_cents + share.vat_cents for share in shares) == total_cents(lines)
    assert total_cents(lines) == sum(map(line_total_cents, lines))


@given(LINES)
def test_vat_is_within_half_a_cent_of_the_rate_on_the_net_price(lines: list[Line]) -> None:
    for share in vat_by_rate(lines):
        exact = share.gross_cents * share.rate_bp / (WHOLE_BP + share.rate_bp)
        assert abs(share.vat_cents - exact) <= 0.5
        assert 0 <= share.vat_cents <= share.gross_cents
