"""A number is found in every spelling people use, and other numbers are not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.restaurants.find_person import name_pattern, number_pattern

pytestmark = pytest.mark.unit

CAMILLE = number_pattern("+33639980123")


@pytest.mark.parametrize(
    "written",
    [
        "+33639980123",
        "0033639980123",
        "33639980123",
        "0639980123",
        "06 39 98 01 23",
        "06.39.98.01.23",
        "06-39-98-01-23",
        "06\u00a039\u202f98 01 23",
        r'{"t": "06\u00a039\u00a098\u00a001\u00a023"}',
        "+33 (0)6 39 98 01 23",
        "+33 6 39980123",
        "rappeler le 0639980123, merci",
        "tel:+33-6-39-98-01-23",
        "sip:+33639980123@carrier.example",
    ],
)
def test_a_spelling_is_found(written: str) -> None:
    assert re.search(CAMILLE, written)


@pytest.mark.parametrize(
    "written", ["0639980124", "06 39 98 01 2", "06399801234", "1639980123", "06 39 98 01 32", ""]
)
def test_another_number_is_not(written: str) -> None:
    assert not re.search(CAMILLE, written)


@given(st.integers(600_000_000, 799_999_999), st.text(" .-/()\u00a0", max_size=2))
def test_any_mobile_is_found_however_its_digits_are_parted(national: int, between: str) -> None:
    digits = str(national)
    written = between.join(["0", *digits])
    assert re.search(number_pattern(f"+33{digits}"), written)


@pytest.mark.parametrize(
    ("number", "written"), [("+262692123456", "0692 12 34 56"), ("+3225550000", "02 555 00 00")]
)
def test_numbers_of_other_plans_too(number: str, written: str) -> None:
    assert re.search(number_pattern(number), written)


def test_a_name_is_quoted_and_its_spaces_may_be_wider() -> None:
    assert name_pattern("Zoé  (voisine)") == r"\yZoé\s+\(voisine\)\y"
