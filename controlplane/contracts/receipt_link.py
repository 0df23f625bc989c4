"""The key of a receipt's link: what it shows, until when, and a signature over both.

It is 71 characters, for it travels by SMS: a kind, two UUIDs, a Unix time and the first 16 bytes of
their HMAC-SHA256 (RFC 2104 §5 allows half).
"""

import binascii
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

PATH: Final = "/recu/"
"""The site shows a receipt under this path and its key."""
PAY_PATH: Final = "/payer/"
"""Whoever has an order's key may pay for it, under this path and the key."""
KEY_LENGTH: Final = 71
_LAYOUT: Final = struct.Struct(">c16s16sI")
_MAC_BYTES: Final = 16
_PURPOSE: Final = b"alloresto receipt 1"
"""Signatures made with the same secret for another purpose open no receipt."""


class ReceiptOf(StrEnum):
    """Says what the receipt is of; the value is its letter in the key."""

    ORDER = "o"
    RESERVATION = "r"


@dataclass(frozen=True, slots=True)
class ReceiptKey:
    """What a key opens."""

    of: ReceiptOf
    restaurant_id: UUID
    about_id: UUID


def sign_receipt(key: ReceiptKey, *, expires_at: datetime, secret: str) -> str:
    """Return the key's text, fit for a URL."""
    signed = _LAYOUT.pack(
        key.of.encode(), key.restaurant_id.bytes, key.about_id.bytes, int(expires_at.timestamp())
    )
    return urlsafe_b64encode(signed + _mac(signed, secret)).rstrip(b"=").decode()


def read_receipt(text: str, *, now: datetime, secret: str) -> ReceiptKey | None:
    """Return what the key opens now; None when it was not signed with this secret, or is over."""
    if len(text) != KEY_LENGTH or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text + "=")
    except binascii.Error:
        return None
    signed, mac = raw[: _LAYOUT.size], raw[_LAYOUT.size :]
    if not hmac.compare_digest(mac, _mac(signed, secret)):
        return None
    of, restaurant_id, about_id, expires = _LAYOUT.unpack(signed)
    if now >= datetime.fromtimestamp(expires, UTC):
        return None
    return ReceiptKey(ReceiptOf(of.decode()), UUID(bytes=restaurant_id), UUID(bytes=about_id))


def _mac(signed: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE + signed, "sha256")[:_MAC_BYTES]
