"""Every amount of an invoice equals the exact rational, rounded once; what is split adds up."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.billing.amounts import (
    beyond_included,
    call_micros,
    net_cents,
    seconds_of,
    vat_cents,
)

pytestmark = pytest.mark.unit

QUANTITY = st.integers(0, 10**7)
PRICE = st.integers(0, 10**8)


def half_up(exact: Fraction) -> int:
    """The oracle: the nearest integer, the greater of two."""
    return (exact + Fraction(1, 2)).__floor__()


@given(QUANTITY, PRICE, st.sampled_from([1, 60]))
def test_a_line_is_the_exact_product_rounded_once(quantity: int, price: int, per: int) -> None:
    assert net_cents(quantity, price, per=per) == half_up(Fraction(quantity * price, per * 10_000))


@given(st.lists(st.integers(1, 10), max_size=50), PRICE)
def test_a_line_of_sms_is_the_sum_of_their_records_rounded_once(
    parts: list[int], price: int
) -> None:
    recorded = sum(of_one * price for of_one in parts)
    assert net_cents(sum(parts), price) == half_up(Fraction(recorded, 10_000))


@given(st.integers(0, 10**9), st.sampled_from([2_000, 850, 2_100]))
def test_vat_is_the_exact_share_rounded_once(net: int, rate: int) -> None:
    assert vat_cents(net, rate) == half_up(Fraction(net) * Fraction(rate, 10_000))


@given(QUANTITY, PRICE)
def test_a_call_is_rated_by_the_second(seconds: int, minute: int) -> None:
    assert call_micros(seconds, minute) == half_up(Fraction(seconds, 60) * minute)


@given(st.integers(0, 10**8))
def test_a_second_that_has_begun_counts(duration_ms: int) -> None:
    assert 0 <= Fraction(seconds_of(duration_ms)) - Fraction(duration_ms, 1_000) < 1


@given(st.lists(QUANTITY, max_size=8), QUANTITY)
def test_however_a_months_usage_is_split_over_invoices_as_much_is_billed(
    parts: list[int], included: int
) -> None:
    billed = [
        beyond_included(part, before=sum(parts[:index]), included=included)
        for index, part in enumerate(parts)
    ]
    assert sum(billed) == max(0, sum(parts) - included)
    assert min(billed, default=0) >= 0


@pytest.mark.parametrize(("net", "vat"), [(0, 0), (2, 0), (3, 1), (4900, 980), (12_345, 2_469)])
def test_vat_of_amounts_worked_out_by_hand(net: int, vat: int) -> None:
    assert vat_cents(net) == vat
