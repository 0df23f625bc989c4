"""A link unsubscribes whom it was signed for, and no change of it anybody else."""

import pytest

from controlplane.contracts.identifiers import new_id
from controlplane.contracts.receipt_link import ReceiptKey, ReceiptOf, sign_receipt
from controlplane.contracts.unsubscribe_link import (
    KEY_LENGTH,
    UnsubscribeKey,
    read_unsubscribe,
    sign_unsubscribe,
)
from controlplane.restaurants.place_order import utc_now

pytestmark = pytest.mark.unit

SECRET = "a secret of tests only"


def test_it_opens_as_signed_and_no_other() -> None:
    key = UnsubscribeKey(new_id(), new_id())
    text = sign_unsubscribe(key, secret=SECRET)
    assert len(text) == KEY_LENGTH
    assert read_unsubscribe(text, secret=SECRET) == key
    receipt = sign_receipt(
        ReceiptKey(ReceiptOf.ORDER, key.restaurant_id, key.customer_id),
        expires_at=utc_now(),
        secret=SECRET,
    )
    for wrong in ("", "é" * KEY_LENGTH, "*" * KEY_LENGTH, "A" * KEY_LENGTH, text[:-1], receipt):
        assert read_unsubscribe(wrong, secret=SECRET) is None, wrong
    for at in range(KEY_LENGTH):
        other = "A" if text[at] != "A" else "B"
        assert read_unsubscribe(text[:at] + other + text[at + 1 :], secret=SECRET) is None
    assert read_unsubscribe(text, secret="another") is None
