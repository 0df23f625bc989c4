"""Any text becomes GSM-7, and is counted as it is paid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.notifier.gsm7 import BASIC, EXTENDED, parts, septets, to_gsm7

pytestmark = pytest.mark.unit


@given(st.text())
def test_any_text_becomes_gsm7_and_stays_it(text: str) -> None:
    spelt = to_gsm7(text)
    assert set(spelt) <= BASIC | EXTENDED
    assert to_gsm7(spelt) == spelt


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("24,50\u00a0€", "24,50 €"),
        ("L’œuf à la crème brûlée reçu", "L'oeuf à la crème brulée recu"),
        ("e\u0301te\u0301", "été"),
        ("« Chez Łukasz » 🍕", '" Chez ukasz " '),
        ("prête\u202f!", "prete !"),
    ],
)
def test_french_stays_readable(text: str, spelt: str) -> None:
    assert to_gsm7(text) == spelt


@pytest.mark.parametrize(
    ("text", "length", "paid"),
    [("a" * 160, 160, 1), ("a" * 159 + "€", 161, 2), ("a" * 306, 306, 2), ("a" * 307, 307, 3)],
)
def test_parts(text: str, length: int, paid: int) -> None:
    assert (septets(text), parts(text)) == (length, paid)
