"""What we ask of a payment provider, whichever it is: open a Checkout Session, and close it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from controlplane.errors import AlloRestoError, ServiceUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """What a customer is to pay, of whom the provider is told nothing.

    The same link asks for the same checkout each time: the provider then opens one session.
    """

    link_id: UUID
    amount_cents: int
    description: str
    expires_at: datetime
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A Checkout Session, and where its customer pays."""

    id: str
    url: str


class ProviderAway(ServiceUnavailable):
    """The provider does not answer, or not now: the same may be asked again."""


class ProviderRefused(AlloRestoError):
    """The provider answered that it will not; `code` is its own word, without a secret."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the payment provider refused: {code}")
        self.code = code


class PaymentProvider(Protocol):
    """Every call raises `ProviderAway` or `ProviderRefused`, and has a deadline."""

    async def open_session(self, api_key: str, checkout: Checkout) -> OpenSession:
        """Open the link's session, or find the one that is open already."""

    async def close_session(self, api_key: str, session_id: str) -> None:
        """Let nobody pay by the session any more."""
