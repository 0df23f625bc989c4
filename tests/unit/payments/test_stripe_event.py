"""Only what the account signed just now is read, and whatever else comes changes nothing."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.payments.stripe_event import (
    TOLERANCE,
    EventRefused,
    check_signature,
    parse_event,
    sign,
)
from controlplane.restaurants.payment_events import MoneyReceived, MoneyRefunded, SessionExpired

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 28, 19, tzinfo=UTC)
LINK = UUID("0199f000-be11-7a00-8a00-0000000000aa")
BODY, SECRET = b'{"id": "evt_1"}', "whsec_0123456789"
T = int(NOW.timestamp())
GOOD = sign(BODY, T, secret=SECRET)

SESSION = {
    "id": "cs_1",
    "payment_status": "paid",
    "payment_intent": "pi_1",
    "amount_total": 2_450,
    "currency": "eur",
    "metadata": {"payment_link_id": str(LINK)},
}
CHARGE = {
    "id": "ch_1",
    "payment_intent": "pi_1",
    "amount_refunded": 400,
    "currency": "eur",
    "metadata": {"payment_link_id": str(LINK)},
}


def event(kind: str, about: Any, event_id: str = "evt_1") -> bytes:
    return json.dumps({"id": event_id, "type": kind, "data": {"object": about}}).encode()


def test_the_signature_is_the_one_stripe_documents() -> None:
    """HMAC-SHA256 of `1492774577.{}` with the key `whsec_test`, computed by OpenSSL."""
    assert sign(b"{}", 1492774577, secret="whsec_test") == (
        "0d0602f6611bd2252dd4b74b58a4528355a7380639a15e6cc21e3059d56d5b8b"
    )


@pytest.mark.parametrize(
    "header",
    [
        f"t={T},v1={GOOD}",
        f"t={T},v0=00,v1={'0' * 64},v1={GOOD}",
        f"t={T}, v1={GOOD}",
    ],
)
def test_what_the_account_signed_is_taken(header: str) -> None:
    for late in (timedelta(), TOLERANCE, -TOLERANCE):
        check_signature(BODY, header, secret=SECRET, now=NOW + late)


@pytest.mark.parametrize(
    ("header", "body", "secret", "late"),
    [
        ("", BODY, SECRET, 0),
        (f"v1={GOOD}", BODY, SECRET, 0),
        (f"t={T}", BODY, SECRET, 0),
        (f"t={T},v0={GOOD}", BODY, SECRET, 0),
        (f"t={T},t={T},v1={GOOD}", BODY, SECRET, 0),
        (f"t=²,v1={GOOD}", BODY, SECRET, 0),
        (f"t={T},v1=é", BODY, SECRET, 0),
        (f"t={T + 1},v1={GOOD}", BODY, SECRET, 0),
        (f"t={T},v1={GOOD}", BODY + b" ", SECRET, 0),
        (f"t={T},v1={GOOD}", BODY, "whsec_of_another", 0),
        (f"t={T},v1={GOOD}", BODY, SECRET, 301),
        (f"t={T},v1={GOOD}", BODY, SECRET, -301),
    ],
)
def test_anything_else_is_refused(header: str, body: bytes, secret: str, late: int) -> None:
    with pytest.raises(EventRefused):
        check_signature(body, header, secret=secret, now=NOW + timedelta(seconds=late))


def test_events_of_money_are_read() -> None:
    for kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        assert parse_event(event(kind, SESSION)) == MoneyReceived(
            event_id="evt_1",
            link_id=LINK,
            session_id="cs_1",
            payment_intent="pi_1",
            amount_cents=2_450,
        )
    assert parse_event(event("charge.refunded", CHARGE)) == MoneyRefunded(
        event_id="evt_1", link_id=LINK, payment_intent="pi_1", refunded_cents=400
    )
    assert parse_event(event("checkout.session.expired", SESSION)) == SessionExpired(
        event_id="evt_1", link_id=LINK, session_id="cs_1"
    )


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("customer.created", {"id": "cus_1"}),
        ("checkout.session.completed", SESSION | {"payment_status": "unpaid"}),
        ("checkout.session.completed", SESSION | {"currency": "usd"}),
        ("checkout.session.completed", SESSION | {"metadata": {}}),
        ("checkout.session.completed", SESSION | {"metadata": None}),
        ("checkout.session.completed", SESSION | {"metadata": {"payment_link_id": "12"}}),
        ("checkout.session.completed", SESSION | {"amount_total": None}),
        ("checkout.session.completed", SESSION | {"amount_total": 0}),
        ("charge.refunded", CHARGE | {"amount_refunded": 0}),
        ("charge.dispute.created", CHARGE),
    ],
)
def test_what_tells_nothing_of_a_links_money_is_passed_over(kind: str, about: Any) -> None:
    assert parse_event(event(kind, about)) is None


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"[]", b"{}", b'{"id": 1, "type": "x"}', b"[" * 100_000]
)
def test_what_is_no_event_is_refused(payload: bytes) -> None:
    with pytest.raises(EventRefused):
        parse_event(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: (
        st.lists(each, max_size=2) | st.dictionaries(st.text(max_size=5), each, max_size=2)
    ),
    max_leaves=6,
)


@given(
    st.sampled_from(["checkout.session.completed", "charge.refunded", "checkout.session.expired"]),
    st.dictionaries(st.sampled_from(sorted({*SESSION, *CHARGE})), JSON, max_size=7),
)
def test_garbage_of_the_right_shape_raises_nothing_else(kind: str, about: dict[str, Any]) -> None:
    parse_event(event(kind, about | {"metadata": SESSION["metadata"]}))
