"""The key of the link by which a customer wants no more offers: whose, at which restaurant, signed.

It never ends: whoever kept an old SMS may still say no (RGPD, art. 21(2)). It is 64 characters, for
it travels by SMS: two UUIDs and the first 16 bytes of their HMAC-SHA256 (RFC 2104 §5 allows half).
"""

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final
from uuid import UUID

PATH: Final = "/stop/"
"""The site asks under this path and the key."""
KEY_LENGTH: Final = 64
_MAC_BYTES: Final = 16
_PURPOSE: Final = b"alloresto unsubscribe 1"
"""Signatures made with the same secret for another purpose unsubscribe nobody."""


@dataclass(frozen=True, slots=True)
class UnsubscribeKey:
    """Who wants no more offers of whom."""

    restaurant_id: UUID
    customer_id: UUID


def sign_unsubscribe(key: UnsubscribeKey, *, secret: str) -> str:
    """Return the key's text, fit for a URL."""
    signed = key.restaurant_id.bytes + key.customer_id.bytes
    return urlsafe_b64encode(signed + _mac(signed, secret)).decode()


def read_unsubscribe(text: str, *, secret: str) -> UnsubscribeKey | None:
    """Return who it is; None when it was not signed with this secret."""
    if len(text) != KEY_LENGTH or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text)
    except binascii.Error:
        return None
    signed, mac = raw[:32], raw[32:]
    if not hmac.compare_digest(mac, _mac(signed, secret)):
        return None
    return UnsubscribeKey(UUID(bytes=signed[:16]), UUID(bytes=signed[16:]))


def _mac(signed: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE + signed, "sha256")[:_MAC_BYTES]
