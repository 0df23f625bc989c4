"""Opaque tokens: whoever was handed one has it, the database a hash. Pure.

A token that is a restaurant's own begins with the restaurant's id: it is read before anybody knows
whose rows to look in.
"""

from hashlib import sha256
from secrets import token_urlsafe
from typing import Final
from uuid import UUID

TOKEN_BYTES: Final = 32
"""Nobody guesses 256 bits, so that a plain hash is enough: no salt, nothing slow."""


def new_token(restaurant_id: UUID | None = None) -> str:
    """A token that nobody had before."""
    secret = token_urlsafe(TOKEN_BYTES)
    return secret if restaurant_id is None else f"{restaurant_id.hex}.{secret}"


def token_hash(token: str) -> str:
    """What the database keeps of it, in hexadecimal."""
    return sha256(token.encode()).hexdigest()


def restaurant_of(token: str) -> UUID | None:
    """The restaurant whose token it says it is; None when it names none."""
    try:
        return UUID(hex=token.partition(".")[0])
    except ValueError:
        return None
