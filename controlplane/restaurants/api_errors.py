"""What the JSON API's tokens, keys and webhooks do not allow, beside `errors.py`, whose tree these
are in.

RestaurantError
├── NotFound
│   ├── UnknownApiToken       the restaurant has no such token, or has revoked it
│   ├── UnknownEndpoint       the restaurant has no such address, or has removed it
│   └── UnknownDelivery       nothing of the restaurant's was to be delivered under this id
└── Refused
    ├── KeyOfAnotherRequest   the idempotency key was sent with another request
    └── EndpointRefused       nothing is sent to such an address
"""

from enum import StrEnum

from controlplane.restaurants.errors import NotFound, Refused


class UnknownApiToken(NotFound):
    """The restaurant has no such token, or has revoked it."""

    def __init__(self) -> None:
        super().__init__("no such token")


class UnknownEndpoint(NotFound):
    """The restaurant has no such address, or has removed it."""

    def __init__(self) -> None:
        super().__init__("no such endpoint")


class UnknownDelivery(NotFound):
    """Nothing of this restaurant's was to be delivered under this id."""

    def __init__(self) -> None:
        super().__init__("no such delivery")


class KeyOfAnotherRequest(Refused):
    """The same idempotency key came with another method, path or body within a day."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was sent with another request: make a new one")


class AddressFault(StrEnum):
    """Says what is wrong with a webhook's address."""

    NOT_A_URL = "not_a_url"
    NOT_HTTPS = "not_https"
    WITH_PASSWORD = "with_password"
    """A user name or password in it would reach logs; the signature proves who sends."""
    NOT_PUBLIC = "not_public"
    """It is of this machine, or of a network that the internet does not reach."""


class EndpointRefused(Refused):
    """Nothing is sent to such an address, for `fault`."""

    def __init__(self, fault: AddressFault) -> None:
        super().__init__(f"nothing is sent to this address: {fault}")
        self.fault = fault
