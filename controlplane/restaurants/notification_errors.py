"""What the rules about notifications do not allow: facts, without words for a page.

RestaurantError                 (controlplane/restaurants/errors.py)
├── NotFound
│   └── UnknownPrinter          no printer in use polls with this token
└── Refused
    ├── TooManyPrinters         so many are in use at one restaurant
    └── StepRefused             a step of the ladder that would reach nobody, or at no sensible time
"""

from controlplane.restaurants.errors import NotFound, Refused


class UnknownPrinter(NotFound):
    """No printer in use polls with this token."""

    def __init__(self) -> None:
        super().__init__("no printer in use polls with this token")


class TooManyPrinters(Refused):
    """A restaurant has so many in use."""

    def __init__(self, most: int) -> None:
        super().__init__(f"a restaurant has {most} printers at most")
        self.most = most


class StepRefused(Refused):
    """A step of the ladder cannot be: `reason` says why, in a word."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"no such step: {reason}")
        self.reason = reason
