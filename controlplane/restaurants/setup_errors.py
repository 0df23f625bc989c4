"""What a restaurant's people may not set up, beside `errors.py`, whose tree these are in.

RestaurantError
├── NotFound
│   ├── NoException       no dated exception covers this date
│   ├── UnknownZone       the restaurant has no such delivery zone
│   └── UnknownPacing     the restaurant has no such pacing rule
└── Refused
    ├── HoursOverlap      two windows of one kind are on at the same time
    ├── DatesReversed     the last date is before the first, or too long after it
    ├── DateTaken         another exception says what happens then
    ├── PlanRefused       a dining plan contradicts itself, or is none
    ├── PacesNothing      no order is measured so
    ├── WordsRefused      nobody could read or say these words
    ├── TooManyOf         a restaurant has so many of these already
    ├── ZoneNameTaken     two delivery zones have one name
    ├── UnknownVoice      nobody speaks with such a voice
    ├── NotReady          something is missing before callers are served
    └── ChangedMeanwhile  somebody else has changed it since it was shown
"""

from collections.abc import Sequence
from datetime import date

from controlplane.restaurants.errors import NotFound, Refused


class NoException(NotFound):
    """No dated exception of the restaurant covers this date."""

    def __init__(self, day: date) -> None:
        super().__init__(f"no exception covers {day}: alloresto hours list")


class UnknownPacing(NotFound):
    """The restaurant has no pacing rule of this id."""

    def __init__(self) -> None:
        super().__init__("no such pacing rule: alloresto pacing list")


class UnknownZone(NotFound):
    """The restaurant has no delivery zone of this id."""

    def __init__(self) -> None:
        super().__init__("no such delivery zone")


class ZoneNameTaken(Refused):
    """Callers are told a zone by its name, so each has its own."""

    def __init__(self) -> None:
        super().__init__("another delivery zone has this name")


class UnknownVoice(Refused):
    """Realtime has no voice of this name."""

    def __init__(self, voice: str) -> None:
        super().__init__(f"no voice is called {voice!r}")


class NotReady(Refused):
    """Callers would not be served: `missing` names what is to be set up first; nothing, for a
    restaurant that was closed for good.
    """

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"not ready to go live: {', '.join(missing) or 'it is closed'}")
        self.missing = tuple(missing)


class ChangedMeanwhile(Refused):
    """Somebody else has changed it since it was shown: nothing is overwritten unseen."""

    def __init__(self) -> None:
        super().__init__("it was changed meanwhile: look at it again")


class HoursOverlap(Refused):
    """Two windows are on at the same time, or one reaches into the next day's: `windows` names
    them.
    """

    def __init__(self, windows: Sequence[str]) -> None:
        super().__init__(f"these hours overlap: {' and '.join(windows)}; end one earlier")
        self.windows = tuple(windows)


class DatesReversed(Refused):
    """The last date is before the first, or more than `most` days after it."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the last date is 0 to {most} days after the first")
        self.most = most


class DateTaken(Refused):
    """Another exception, from `first` on, says what happens at that time."""

    def __init__(self, first: date) -> None:
        super().__init__(f"there is an exception from {first} already: remove it first")
        self.first = first


class PacesNothing(Refused):
    """Orders are paced, by their number, items or price; whatever else a rule names binds nobody.

    Covers are limited by the reservation shift.
    """

    def __init__(self) -> None:
        super().__init__(
            "pacing is of orders, items or cents, for on_site, pickup or delivery;"
            " covers are limited by the shift"
        )


class PlanRefused(Refused):
    """A dining plan contradicts itself, or is none: `problems` says where, a line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(["the plan is not taken:", *problems]))
        self.problems = tuple(problems)


class WordsRefused(Refused):
    """Words are said or shown: these are none, too long, or hold what nobody can read."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"the {what} has 1 to {most} characters that can be read")
        self.what = what
        self.most = most


class TooManyOf(Refused):
    """A restaurant has at most `most` of these."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"a restaurant has at most {most} {what}")
        self.what = what
        self.most = most
