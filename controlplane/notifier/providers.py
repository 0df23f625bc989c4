"""What the notifier asks of whoever carries its messages: an SMS operator, a mail server.

ProviderFailure
├── TemporaryFailure   away, slow, too busy, or refusing us all: tried again
└── PermanentFailure   this message to this recipient will never be taken
"""

from dataclasses import dataclass
from typing import Protocol

from controlplane.errors import AlloRestoError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message as its provider takes it. An SMS has `text` alone, in GSM-7."""

    key: str
    """The same at each attempt, for providers that pass over what they know."""
    to: str
    text: str
    subject: str = ""
    html: str = ""
    advertising: bool = False


class Provider(Protocol):
    """Carries messages of one channel."""

    async def send(self, message: Outgoing) -> str | None:
        """Hand it over; return the provider's name for it, if it says one.

        Raises `TemporaryFailure`, `PermanentFailure`, with a reason of ours that quotes neither
        the recipient nor the text.
        """
        ...

    async def close(self) -> None: ...


class ProviderFailure(AlloRestoError):
    """Raised with a short word that says why: it is kept in the row, logged and counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TemporaryFailure(ProviderFailure):
    """Raised when another attempt may succeed."""


class PermanentFailure(ProviderFailure):
    """Raised when none will."""
