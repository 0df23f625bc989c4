"""What the rules about notifications do not allow: facts, without words for a page.

RestaurantError                 (controlplane/restaurants/errors.py)
├── NotFound
│   ├── UnknownPrinter          the restaurant has no such printer in use
│   └── NothingToPrint          no order of this number is of the service that is on
└── Refused
    ├── NoPrinter               nothing prints there
    ├── NotToBeMade             nobody is to make the order, or not yet: it has no ticket
    └── StepRefused             a step of the ladder that would reach nobody, or at no sensible time
"""

from typing import Final

from controlplane.restaurants.errors import NotFound, Refused

_WHAT_TO_CHANGE: Final = {
    "time": "it is told half a minute to an hour after the order: change its minutes",
    "no_number": "that is no telephone number: write 06 39 98 01 23, or +33…",
    "not_mobile": "no SMS reaches a landline: give a mobile number, or an e-mail address",
    "foreign": "the number is of another country than the restaurant: give one of its own",
    "unsafe": "no SMS is sent to such a number: give an ordinary mobile number",
    "no_address": "that is no e-mail address: write name@example.fr",
}


class UnknownPrinter(NotFound):
    """The restaurant has no such printer in use."""

    def __init__(self) -> None:
        super().__init__("no such printer in use: alloresto printer list")


class NothingToPrint(NotFound):
    """No order of this number, or none at all, is of the service that is on."""

    def __init__(self, number: int | None) -> None:
        which = "no order" if number is None else f"no order {number}"
        super().__init__(f"{which} is of this service: its number is on the kitchen page")
        self.number = number


class NoPrinter(Refused):
    """Nothing prints there."""

    def __init__(self) -> None:
        super().__init__("no printer is in use: alloresto printer add")


class NotToBeMade(Refused):
    """Nobody is to make the order, or not before it is paid; `why` continues `order 12 …`."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"order {number} {why}: it has no ticket for the kitchen")
        self.number = number
        self.why = why


class StepRefused(Refused):
    """A step of the ladder, the first being 1, cannot be: `reason` says why, in a word."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(f"step {at} ({reason}): {_WHAT_TO_CHANGE[reason]}")
        self.reason = reason
        self.at = at
