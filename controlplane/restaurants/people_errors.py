"""What the rules about people do not allow: facts, without words for a caller or a page.

RestaurantError                 (controlplane/restaurants/errors.py)
├── NotFound
│   ├── UnknownCustomer         the restaurant knows nobody of this number
│   └── NoConsent               nothing was allowed that could be withdrawn
└── Refused
    ├── Suppressed              who was erased is not taken over from a list
    └── NoEvidence              a decision without proof proves nothing
"""

from controlplane.restaurants.errors import NotFound, Refused


class UnknownCustomer(NotFound):
    """The restaurant knows nobody of this number."""

    def __init__(self) -> None:
        super().__init__("the restaurant knows no customer of this number")


class NoConsent(NotFound):
    """The customer has allowed nothing of the kind, or has withdrawn it already."""

    def __init__(self, purpose: str) -> None:
        super().__init__(f"no consent to {purpose} is in force")


class Suppressed(Refused):
    """The restaurant erased this number on request."""

    def __init__(self) -> None:
        super().__init__("this number was erased on request: who it is comes back by ordering")


class NoEvidence(Refused):
    """A consent that nobody can prove is none (RGPD, art. 7(1))."""

    def __init__(self) -> None:
        super().__init__("say what proves it: the words heard, the form, who was told")
