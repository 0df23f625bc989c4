"""SIP passwords at rest: encrypted with a key that is not in the database.

Fernet (AES-128-CBC with HMAC-SHA256) by the `cryptography` package. Keys are given newest first:
the first encrypts, all decrypt, so a key is replaced by putting the new one in front, running
`alloresto secrets rotate`, and taking the old one away.
"""

import re
from collections.abc import Sequence
from typing import Self
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from controlplane.errors import AlloRestoError, ConfigurationError

SETTING = "ALLORESTO_SECRET_KEYS"

_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")
"""A key is checked before it is decoded: base64 drops characters it does not know, and would drop a
second key with them."""


class SecretUnreadable(AlloRestoError):
    """Raised when no key opens the secret, or it was sealed for somebody else. The message never
    shows any of it.
    """


class SecretBox:
    """Seals and opens secrets; each belongs to one owner and opens for no other."""

    def __init__(self, keys: Sequence[Fernet]) -> None:
        self._newest = keys[0]
        self._fernet = MultiFernet(keys)

    @classmethod
    def from_keys(cls, keys: str) -> Self:
        """Make a box from comma-separated keys, newest first. Raises `ConfigurationError`."""
        each = [key.strip() for key in keys.split(",")]
        if not all(_KEY.fullmatch(key) for key in each):
            raise ConfigurationError(
                f"{SETTING}: keys of 32 bytes in base64url, separated by commas; make one with"
                " `alloresto secrets new-key`"
            )
        return cls([Fernet(key) for key in each])

    @staticmethod
    def new_key() -> str:
        """Return a fresh random key."""
        return Fernet.generate_key().decode()

    def seal(self, secret: str, *, owner: UUID) -> str:
        """Encrypt `secret` for `owner`."""
        return self._fernet.encrypt(f"{owner}:{secret}".encode()).decode()

    def open(self, sealed: str, *, owner: UUID) -> str:
        """Decrypt what was sealed for `owner`. Raises `SecretUnreadable`."""
        try:
            found, _, secret = self._fernet.decrypt(sealed.encode()).decode().partition(":")
        except (InvalidToken, ValueError):
            raise SecretUnreadable(f"no key of {SETTING} opens this secret") from None
        if found != str(owner):
            raise SecretUnreadable("this secret belongs to somebody else")
        return secret

    def is_newest(self, sealed: str) -> bool:
        """Tell whether the newest key sealed it."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True
