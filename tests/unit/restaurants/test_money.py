"""An order's money is integer cents, with VAT taken out of what the caller pays, once a rate."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.restaurant_config import Component, MenuItem, Option
from controlplane.restaurants.money import (
    WHOLE_BP,
    VatPart,
    VatShare,
    charged_cents,
    line_total_cents,
    split,
    total_cents,
    unit_price_cents,
    vat_by_rate,
    vat_parts,
)
from tests.small_menu import CHEESES, COLA, DOUGH, EXTRAS, MARGHERITA, option

pytestmark = pytest.mark.unit

EATEN_HERE, PACKAGED, ALCOHOL = 1_000, 550, 2_000


@dataclass(frozen=True)
class Line:
    quantity: int
    unit_price_cents: int
    vat_rate_bp: int
    vat_parts: tuple[VatPart, ...] | None = None


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
def test_vat_is_the_exact_one_rounded_half_up(lines: list[Line]) -> None:
    for share in vat_by_rate(lines):
        exact = Fraction(share.gross_cents * share.rate_bp, WHOLE_BP + share.rate_bp)
        assert -Fraction(1, 2) < share.vat_cents - exact <= Fraction(1, 2)
        assert 0 <= share.vat_cents <= share.gross_cents


@given(st.data(), LINES.filter(bool), st.integers(0, 2_000), st.integers(0, 100))
def test_fee_and_discount_are_spread_to_the_cent_in_any_order_of_lines(
    data: st.DataObject, lines: list[Line], delivery: int, percent: int
) -> None:
    """Each rate has its exact part of what is paid, less than a cent off, and all of it is there
    whatever the order of the lines.
    """
    items = total_cents(lines)
    paid = items + delivery - (discount := items * percent // 100)
    shares = vat_by_rate(lines, delivery_cents=delivery, discount_cents=discount)
    shuffled = data.draw(st.permutations(lines))
    assert shares == vat_by_rate(shuffled, delivery_cents=delivery, discount_cents=discount)
    assert sum(share.gross_cents for share in shares) == paid
    for share in shares if items else ():
        dishes = total_cents(line for line in lines if line.vat_rate_bp == share.rate_bp)
        assert abs(share.gross_cents - Fraction(paid * dishes, items)) < 1


def test_the_largest_remainder_gets_the_cent_left_over() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(10, [1, 5]) == [2, 8]  # 1.67 and 8.33


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**6), min_size=1, max_size=9).filter(any))
def test_a_split_is_the_nearest_that_adds_up(cents: int, weights: list[int]) -> None:
    exact = [Fraction(cents * weight, sum(weights)) for weight in weights]
    parts = split(cents, weights)
    assert sum(parts) == cents
    assert all(part in (int(e), int(e) + 1) for part, e in zip(parts, exact, strict=True))
    rounded_up = [e - int(e) for part, e in zip(parts, exact, strict=True) if part > e]
    rounded_down = [e - int(e) for part, e in zip(parts, exact, strict=True) if part <= e]
    assert min(rounded_up, default=Fraction(1)) >= max(rounded_down, default=Fraction(0))


def test_a_fee_on_dishes_that_cost_nothing_is_at_their_highest_rate() -> None:
    free = [Line(1, 0, EATEN_HERE), Line(1, 0, ALCOHOL)]
    shares = vat_by_rate(free, delivery_cents=300)
    assert [(share.rate_bp, share.gross_cents) for share in shares] == [
        (EATEN_HERE, 0),
        (ALCOHOL, 300),
    ]


def test_an_option_of_price_0_is_an_option_and_costs_nothing() -> None:
    assert unit_price_cents(MARGHERITA, [option("sans sel", delta=0)]) == 950


def with_free(count: int) -> MenuItem:
    group = EXTRAS.model_copy(update={"free_count": count, "max_select": 9})
    return MARGHERITA.model_copy(update={"option_groups": (DOUGH, group)})


@given(st.integers(0, 3), st.lists(st.sampled_from(EXTRAS.options), max_size=4))
def test_the_dearest_choices_of_a_group_are_free_in_whatever_order_they_are_named(
    free: int, chosen: list[Option]
) -> None:
    dish = with_free(free)
    dearest = sorted((one.price_delta_cents for one in chosen), reverse=True)
    for named in permutations([DOUGH.options[0], *chosen]):
        assert unit_price_cents(dish, named) == 950 + sum(dearest[free:])
        assert sum(charged_cents(dish, named)) == sum(dearest[free:])


def test_what_takes_something_off_the_price_is_never_given_for_nothing() -> None:
    smaller = option("petite", delta=-200)
    group = EXTRAS.model_copy(update={"free_count": 2, "options": (smaller, *EXTRAS.options)})
    dish = MARGHERITA.model_copy(update={"option_groups": (group,)})
    assert charged_cents(dish, [smaller, EXTRAS.options[0]]) == [-200, 0]


def part_of_menu(name: str, price: int, rate: int, *, delta: int = 0) -> Option:
    component = Component(price_cents=price, vat_rate_bp=rate)
    return option(name, delta=delta).model_copy(update={"component": component})


MENU = CHEESES.model_copy(update={"price_cents": 1_500, "set_menu": True})
STEAK, WINE = part_of_menu("steak", 1_200, EATEN_HERE), part_of_menu("vin", 500, ALCOHOL)


def test_a_set_menu_is_at_the_rates_of_what_is_in_it_and_alcohol_at_its_own() -> None:
    parts = vat_parts(MENU, [WINE, STEAK])
    assert parts == (VatPart(rate_bp=1_000, cents=1_200), VatPart(rate_bp=2_000, cents=500))
    shares = vat_by_rate([Line(1, 1_500, EATEN_HERE, parts)])
    assert [(share.rate_bp, share.gross_cents) for share in shares] == [
        (EATEN_HERE, 1_059),  # 1058.8: 1200 of 1700
        (ALCOHOL, 441),
    ]
    assert vat_parts(MENU, [STEAK, option("sauce", delta=100)]) is None


def test_a_drink_that_goes_with_a_dish_is_at_its_own_rate_for_what_it_adds() -> None:
    glass = part_of_menu("vin", 500, ALCOHOL, delta=350)
    assert vat_parts(CHEESES, [glass, option("œuf", delta=100)]) == (
        VatPart(rate_bp=EATEN_HERE, cents=1_350),
        VatPart(rate_bp=ALCOHOL, cents=350),
    )


def test_a_menu_of_things_without_a_price_is_at_their_highest_rate() -> None:
    free = [part_of_menu("pain", 0, PACKAGED), part_of_menu("kir", 0, ALCOHOL)]
    assert vat_parts(MENU, free) == (VatPart(rate_bp=ALCOHOL, cents=1),)


SPLIT_LINES = st.lists(
    st.builds(
        lambda quantity, price, chosen: Line(quantity, price, EATEN_HERE, vat_parts(MENU, chosen)),
        st.integers(1, 20),
        st.integers(0, 10_000),
        st.lists(
            st.builds(
                part_of_menu,
                st.just("plat"),
                st.integers(0, 5_000),
                st.sampled_from([PACKAGED, EATEN_HERE, ALCOHOL]),
            ),
            max_size=4,
        ),
    ),
    max_size=8,
)


@given(st.data(), SPLIT_LINES)
def test_set_menus_are_split_to_the_cent_as_exact_rationals_are_in_any_order_of_lines(
    data: st.DataObject, lines: list[Line]
) -> None:
    """The oracle adds up each line's exact part at each rate; cents are rounded once, to them."""
    exact: dict[int, Fraction] = {}
    for line in lines:
        parts = line.vat_parts or (VatPart(rate_bp=line.vat_rate_bp, cents=1),)
        for part in parts:
            of_line = Fraction(line_total_cents(line) * part.cents, sum(one.cents for one in parts))
            exact[part.rate_bp] = exact.get(part.rate_bp, Fraction()) + of_line
    shares = vat_by_rate(lines)
    assert {share.rate_bp for share in shares} == set(exact)
    assert all(abs(share.gross_cents - exact[share.rate_bp]) < 1 for share in shares)
    assert sum(share.gross_cents for share in shares) == total_cents(lines)
    shuffled = data.draw(st.permutations(lines))
    assert vat_by_rate(shuffled) == shares
    apart = [
        Line(1, line.unit_price_cents, line.vat_rate_bp, line.vat_parts)
        for line in shuffled
        for _ in range(line.quantity)
    ]
    assert vat_by_rate(apart) == shares
