"""What is not possible with a payment by link: facts, as in `controlplane/restaurants/errors.py`.

RestaurantError
├── NotFound
│   └── UnknownPaymentLink  no link of this restaurant has this id
└── Refused
    ├── NoPaymentAccount    the restaurant has no account that its customers' money could reach
    ├── SecretRefused       what was given is no key, or no webhook secret, of Stripe's
    └── LinkRefused         a link cannot go there from where it is
"""

from uuid import UUID

from controlplane.restaurants.errors import NotFound, Refused


class UnknownPaymentLink(NotFound):
    """No payment link of this restaurant has this id."""

    def __init__(self, link_id: UUID) -> None:
        super().__init__(f"no payment link {link_id}")


class NoPaymentAccount(Refused):
    """The restaurant has no account that its customers' money could reach."""

    def __init__(self, slug: str) -> None:
        super().__init__(f"it has no account with Stripe: alloresto payment account {slug}")


class SecretRefused(Refused):
    """What was given is not of the shape that Stripe gives; the message never shows it."""

    def __init__(self, what: str, prefixes: str) -> None:
        super().__init__(f"that is no {what}: Stripe's begin with {prefixes}")


class LinkRefused(Refused):
    """The link cannot go there from where it is: terminal statuses never reopen."""

    def __init__(self, current: str, to: str) -> None:
        super().__init__(f"a payment link can't go from {current} to {to}")
