"""What Stripe posts to a restaurant's endpoint: checked, then read (docs.stripe.com/webhooks).

The signature covers the bytes as they came, so nothing is read of them before it holds.
"""

import hmac
import json
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from controlplane.errors import AlloRestoError
from controlplane.restaurants.payment_events import (
    MoneyReceived,
    MoneyRefunded,
    PaymentEvent,
    SessionExpired,
)

TOLERANCE: Final = timedelta(minutes=5)
"""An older request may be a recorded one; Stripe signs each of its retries anew."""
CURRENCY: Final = "eur"
_PAID: Final = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})


class EventRefused(AlloRestoError):
    """The request is not the account's, or not an event; never shows any of it."""


def check_signature(payload: bytes, header: str, *, secret: str, now: datetime) -> None:
    """Raise `EventRefused` unless one `v1` of `t=…,v1=…` is the HMAC-SHA256 of `t.payload`, made
    within `TOLERANCE` of `now`.
    """
    parts = [part.partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name.strip() == "t"]
    if len(stamps) != 1 or not (stamps[0].isascii() and stamps[0].isdigit()):
        raise EventRefused("no timestamp in the signature")
    if abs(now.timestamp() - int(stamps[0])) > TOLERANCE.total_seconds():
        raise EventRefused("signed too long ago")
    expected = sign(payload, int(stamps[0]), secret=secret).encode()
    given = [value.encode() for name, _, value in parts if name.strip() == "v1"]
    if not any(hmac.compare_digest(expected, each) for each in given):
        raise EventRefused("the signature is of another secret")


def sign(payload: bytes, timestamp: int, *, secret: str) -> str:
    """The `v1` of these bytes at that Unix time, in hexadecimal."""
    return hmac.digest(secret.encode(), b"%d.%b" % (timestamp, payload), "sha256").hex()


def parse_event(payload: bytes) -> PaymentEvent | None:
    """Read the event; None of one that tells nothing of a payment link's money.

    Raises `EventRefused` of what is no event at all.
    """
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        raise EventRefused("no JSON") from None
    match content:
        case {"id": str(event_id), "type": str(kind), "data": {"object": dict(about)}}:
            return _read(event_id, kind, about)
    raise EventRefused("no event")


def _read(event_id: str, kind: str, about: dict[str, Any]) -> PaymentEvent | None:
    metadata = about.get("metadata")
    link_id = _uuid(metadata.get("payment_link_id")) if isinstance(metadata, dict) else None
    if link_id is None:
        return None
    match kind, about:
        case _, {"currency": str(currency)} if currency != CURRENCY:
            return None
        case (
            paid,
            {
                "id": str(session_id),
                "payment_status": "paid",
                "payment_intent": str(intent),
                "amount_total": int(cents),
            },
        ) if paid in _PAID and cents > 0:
            return MoneyReceived(
                event_id=event_id,
                link_id=link_id,
                session_id=session_id,
                payment_intent=intent,
                amount_cents=cents,
            )
        case (
            "charge.refunded",
            {"payment_intent": str(intent), "amount_refunded": int(cents)},
        ) if cents > 0:
            return MoneyRefunded(
                event_id=event_id, link_id=link_id, payment_intent=intent, refunded_cents=cents
            )
        case "checkout.session.expired", {"id": str(session_id)}:
            return SessionExpired(event_id=event_id, link_id=link_id, session_id=session_id)
    return None


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
