"""What is decided of one instant: the rule that decided, and when it is possible again."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from controlplane.contracts.opening import OpeningKind


class RuleType(StrEnum):
    """Says which of a restaurant's rules decided."""

    STATUS = "status"
    BUSY = "busy"
    EXCEPTION = "exception"
    HOLIDAY = "holiday"
    UNCONFIRMED = "unconfirmed"
    """It is a public holiday, and nobody has said whether the restaurant opens."""
    WEEK = "week"
    NO_HOURS = "no_hours"
    PACING = "pacing"
    AVAILABILITY = "availability"
    """The dish, or its category, may be had at other times only."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a restaurant, as logs name it and as its people read it."""

    type: RuleType
    key: str
    """It tells the rule from others of its type, such as `pickup:friday`."""
    sentence: str
    """It is French, for the restaurant's people."""

    @property
    def id(self) -> str:
        return f"{self.type}:{self.key}"


@dataclass(frozen=True, slots=True)
class Possibility:
    """When it is possible next."""

    at: datetime | None
    """It is in the restaurant's zone; None: no instant is known."""
    sentence: str
    """It is French and never empty: without an instant it says what is left to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the rules say of one instant. All instants are in the restaurant's zone."""

    kind: OpeningKind
    at: datetime
    open: bool
    until: datetime | None
    """It closes then; None: it is closed, or does not close within a day of this service's end."""
    following: Possibility
    """It opens next then, after this service when it is open."""
    rule: Rule
    date: date
    """The date of the service that the instant is in, today's when it is closed: orders are
    numbered on it."""
    delay_minutes: int = 0
    """The kitchen takes so much longer than usual."""
    preparation_minutes: int = 0
    """What is ordered then is ready after so long, by the kitchen's load and the delay."""
    exceptional: bool = False
    """The day's hours are an exception's or a holiday's."""
    spoken: str = ""
    """What the restaurant has callers told of the exception that decided."""

    @property
    def ready_at(self) -> datetime:
        """When what is ordered then is ready, unless its slot is full."""
        ready = self.at.astimezone(UTC) + timedelta(minutes=self.preparation_minutes)
        return ready.astimezone(self.at.tzinfo)
