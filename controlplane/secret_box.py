"""SIP passwords at rest: encrypted with a key that is not in the database.

Fernet (AES-128-CBC with HMAC-SHA256) by the `cryptography` package. Keys are given newest first:
the first encrypts, all decrypt, so a key is replaced by putting the new one in front, running
`alloresto secrets rotate`, and taking the old one away.
"""

from typing import Self
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from controlplane.errors import AlloRestoError, ConfigurationError

SETTING = "ALLORESTO_SECRET_KEYS"


class SecretUnreadable(AlloRestoError):
    """No key opens it, or it was sealed for somebody else. Never shows any of it."""


class SecretBox:
    """Seals and opens; each secret belongs to one owner and opens for no other."""

    def __init__(self, fernet: MultiFernet) -> None:
        self._fernet = fernet

    @classmethod
    def from_keys(cls, keys: str) -> Self:
        """`keys`: separated by commas, newest first. Raises `ConfigurationError`."""
        try:
            return cls(MultiFernet([Fernet(key.strip()) for key in keys.split(",")]))
        except ValueError:
            raise ConfigurationError(
                f"{SETTING}: each key is 32 bytes in base64url; make one with"
                " `alloresto secrets new-key`"
            ) from None

    @staticmethod
    def new_key() -> str:
        """A fresh random key."""
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

    def reseal(self, sealed: str) -> str:
        """The same secret under the newest key. Raises `SecretUnreadable`."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable(f"no key of {SETTING} opens this secret") from None
