"""A receipt's key opens one receipt, until its time is over; nobody makes or changes one."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.receipt_link import (
    KEY_LENGTH,
    ReceiptKey,
    ReceiptOf,
    read_receipt,
    sign_receipt,
)

pytestmark = pytest.mark.unit

SECRET = "a secret of the test"
NOW = datetime(2026, 11, 28, 19, 0, tzinfo=UTC)
OVER = NOW + timedelta(days=30)
KEY = ReceiptKey(ReceiptOf.ORDER, new_id(), new_id())
TEXT = sign_receipt(KEY, expires_at=OVER, secret=SECRET)


@pytest.mark.parametrize("of", ReceiptOf)
def test_it_opens_what_it_was_made_for(of: ReceiptOf) -> None:
    key = ReceiptKey(of, new_id(), new_id())
    text = sign_receipt(key, expires_at=OVER, secret=SECRET)
    assert len(text) == KEY_LENGTH
    assert read_receipt(text, now=NOW, secret=SECRET) == key


def test_it_ends() -> None:
    assert read_receipt(TEXT, now=OVER - timedelta(seconds=1), secret=SECRET) == KEY
    assert read_receipt(TEXT, now=OVER, secret=SECRET) is None


def test_another_secret_opens_nothing() -> None:
    assert read_receipt(TEXT, now=NOW, secret="another secret!!") is None


# The last character has four bits that no byte has: they are not signed, and say nothing.
@given(st.integers(0, KEY_LENGTH - 2), st.sampled_from("abcXYZ019-_"))
def test_no_character_can_be_changed(at: int, character: str) -> None:
    changed = TEXT[:at] + character + TEXT[at + 1 :]
    found = read_receipt(changed, now=NOW, secret=SECRET)
    assert found == (KEY if changed == TEXT else None)


@given(st.text(max_size=80))
def test_garbage_opens_nothing(text: str) -> None:
    assert read_receipt(text, now=NOW, secret=SECRET) is None
