"""The audit log's differences show what changed, and neither secrets nor who somebody is."""

import pytest

from controlplane.restaurants.audit import HIDDEN, diff
from controlplane.restaurants.tokens import new_token, restaurant_of, token_hash

pytestmark = pytest.mark.unit


def test_only_what_changed_is_told() -> None:
    before = {"price_cents": 950, "sold_out": False, "position": 1}
    assert diff(before, {**before, "price_cents": 1000}) == {"price_cents": [950, 1000]}
    assert diff(before, before) == {}
    assert diff({}, {"position": 2}) == {"position": [None, 2]}


@pytest.mark.parametrize(
    "column",
    ["password_hash", "totp_encrypted", "token", "phone_e164", "email", "customer_name", "note"],
)
def test_of_secrets_and_persons_only_that_they_changed(column: str) -> None:
    assert diff({column: "a"}, {column: "b"}) == {column: [HIDDEN, HIDDEN]}
    assert diff({column: None}, {column: "b"}) == {column: [None, HIDDEN]}


def test_a_token_says_whose_it_is_and_its_hash_does_not() -> None:
    token = new_token()
    assert restaurant_of(token) is None
    assert token not in token_hash(token)
    assert len({new_token() for _ in range(100)}) == 100
