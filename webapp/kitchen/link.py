"""The signed link that opens one restaurant's kitchen page, until accounts exist."""

from typing import Final
from uuid import UUID

from itsdangerous import BadSignature, URLSafeTimedSerializer

KEY_SALT: Final = "kitchen"
"""Keys signed for another purpose with the same secret do not open a kitchen."""
SECONDS_PER_DAY: Final = 86_400


def kitchen_link(base_url: str, restaurant_id: UUID, *, secret: str) -> str:
    """Return the page's URL with its key: whoever holds it sees this restaurant's orders."""
    key = kitchen_key(restaurant_id, secret=secret)
    return f"{base_url.rstrip('/')}/place/{restaurant_id}/kitchen?key={key}"


def kitchen_key(restaurant_id: UUID, *, secret: str) -> str:
    """Sign a key, fit for a URL, that carries the restaurant and the time."""
    return _serializer(secret).dumps(str(restaurant_id))


def opens_kitchen(key: str, restaurant_id: UUID, *, secret: str, max_age_days: int) -> bool:
    """Tell whether the key was signed for this restaurant, and not too long ago."""
    try:
        signed_for = _serializer(secret).loads(key, max_age=max_age_days * SECONDS_PER_DAY)
    except BadSignature:  # SignatureExpired is one
        return False
    return bool(signed_for == str(restaurant_id))


def _serializer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt=KEY_SALT)
