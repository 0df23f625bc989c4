"""What the rules of reservations do not allow, beside `errors.py`, whose tree these are in.

RestaurantError
├── NotFound
│   ├── UnknownReservation        none is there, or none that is the asker's: nobody learns which
│   └── UnknownTable              the restaurant has no such table, or gives it to nobody
├── Refused
│   ├── NotGranted                no table then; says by which rule, and when there is one
│   ├── ReservationStatusRefused  a reservation cannot go there from where it is
│   ├── TooLateToChange           guests change and cancel up to a time before
│   ├── StayRefused               a party stays at its table for some minutes to twelve hours
│   ├── NotDueYet                 nobody has failed to come before they were to
│   ├── CannotBeTold              no SMS of a free table reaches who waits, or it was sent
│   └── SeveralReservations       more than one answers to what was said
└── KeyOfAnotherReservation       the key has a reservation, and it is not this one
"""

from datetime import datetime, timedelta

from controlplane.restaurants.errors import NotFound, Refused, RestaurantError
from controlplane.restaurants.reservation_rules import Refusal


class UnknownReservation(NotFound):
    """The restaurant has no such reservation, or who asks has not shown that it is theirs."""

    def __init__(self) -> None:
        super().__init__("no such reservation")


class UnknownTable(NotFound):
    """The restaurant has no such table, or has taken it out of use."""

    def __init__(self) -> None:
        super().__init__("no such table in use")


class NotGranted(Refused):
    """The rule in `refusal` allows no table at that time; `alternatives` are instants within three
    hours at which it and every other rule do, the nearest first.
    """

    def __init__(self, refusal: Refusal, alternatives: tuple[datetime, ...] = ()) -> None:
        limit = "" if refusal.limit is None else f" {refusal.limit}"
        shift = "" if refusal.shift is None else f" of {refusal.shift.shift.name}"
        super().__init__(f"no table then: {refusal.rule}{limit}{shift}")
        self.refusal = refusal
        self.alternatives = alternatives


class ReservationStatusRefused(Refused):
    """The reservation cannot go there from where it is: terminal statuses never reopen."""

    def __init__(self, current: str, to: str) -> None:
        super().__init__(f"a reservation can't go from {current} to {to}")
        self.current = current


class TooLateToChange(Refused):
    """A guest changes or cancels up to `minutes` before; now only the staff can."""

    def __init__(self, minutes: int) -> None:
        super().__init__(f"guests change or cancel up to {minutes} min before")
        self.minutes = minutes


class StayRefused(Refused):
    """A party stays until after it came, and no longer than `longest`."""

    def __init__(self, longest: timedelta) -> None:
        super().__init__(f"a party stays for up to {longest.total_seconds() / 3600:.0f} hours")
        self.longest = longest


class NotDueYet(Refused):
    """The guests are to come at `starts_at`, which is not over yet."""

    def __init__(self, starts_at: datetime) -> None:
        super().__init__("the guests are not due yet")
        self.starts_at = starts_at


class CannotBeTold(Refused):
    """No SMS reaches the number of who waits, or they were told `already`, which is done once."""

    def __init__(self, *, already: bool = False) -> None:
        super().__init__("told already: call them" if already else "no SMS reaches them: call them")
        self.already = already


class SeveralReservations(Refused):
    """More than one reservation answers to what was said: its number tells which."""

    def __init__(self) -> None:
        super().__init__("several reservations answer to that: say the reservation's number")


class KeyOfAnotherReservation(RestaurantError):
    """The key has a reservation of another time or party: it was another request, or the
    reservation was changed or ended since.
    """

    def __init__(self) -> None:
        super().__init__("this key has another reservation by now")
