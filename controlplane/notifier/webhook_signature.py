"""Signs webhooks as Standard Webhooks 1.0.0 says: HMAC-SHA256 of id, timestamp and body. Pure."""

import hmac
from base64 import b64decode, b64encode
from typing import Final

SECRET_PREFIX: Final = "whsec_"


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers. `timestamp` is in Unix seconds: whoever receives it refuses what is
    more than some minutes old, so that nothing is played again.
    """
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
