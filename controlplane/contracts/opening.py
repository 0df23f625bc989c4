"""What a restaurant says of its hours: windows by kind, dated exceptions, public holidays, and how
busy its kitchen is. Times are local wall time in the restaurant's zone; instants have a zone.
"""

import datetime
from enum import StrEnum
from typing import Final, Self

from pydantic import AwareDatetime, Field, model_validator

from controlplane.contracts.messages import Message

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""A weekday is its place in these: 0 is Monday."""


class OpeningKind(StrEnum):
    """Says what a window is for."""

    ON_SITE = "on_site"
    PICKUP = "pickup"
    DELIVERY = "delivery"
    RESERVATION = "reservation"
    AI_ANSWERING = "ai_answering"
    """The assistant picks up; outside these windows the restaurant's own phone rings."""


ORDER_KINDS: Final = frozenset({OpeningKind.ON_SITE, OpeningKind.PICKUP, OpeningKind.DELIVERY})
"""The kitchen prepares what is ordered for these: they wait when it is busy."""


class OpeningWindow(Message):
    """It is open for `kind` on `weekday` (0 = Monday), past midnight when `closes` <= `opens`."""

    kind: OpeningKind = OpeningKind.PICKUP
    weekday: int = Field(ge=0, le=6)
    opens: datetime.time
    closes: datetime.time


class OpeningException(Message):
    """From `date` to `last_date`, both included, these hours stand for the week's; without hours
    it is closed.
    """

    date: datetime.date
    last_date: datetime.date | None = None
    """None: on `date` alone."""
    opens: datetime.time | None = None
    closes: datetime.time | None = None
    kinds: tuple[OpeningKind, ...] = ()
    """None named: all but who answers the telephone."""
    label: str = ""
    """It is shown to the restaurant, as in "Congés d'été"."""
    spoken: str = ""
    """It is said to callers, in the restaurant's words."""

    def covers(self, day: datetime.date) -> bool:
        return self.date <= day <= (self.last_date or self.date)

    def concerns(self, kind: OpeningKind) -> bool:
        return kind in self.kinds if self.kinds else kind is not OpeningKind.AI_ANSWERING


class HolidayHours(StrEnum):
    """Says what the week's hours are worth on a public holiday without an exception of its own."""

    AS_USUAL = "as_usual"
    TO_CONFIRM = "to_confirm"
    """Nobody has said yet whether it opens: nothing is promised for the day."""
    CLOSED = "closed"


class Holidays(Message):
    """What a restaurant does on public holidays."""

    hours: HolidayHours = HolidayHours.AS_USUAL
    alsace_moselle: bool = False
    """Good Friday and 26 December are holidays too (Code du travail, art. L3134-13)."""


class KitchenUnit(StrEnum):
    """Says what a kitchen's load is counted in."""

    POINTS = "points"
    """Each dish has some; one, unless its menu says otherwise."""
    ORDERS = "orders"


class KitchenPace(Message):
    """How long what is ordered takes: `seconds_per_unit` for each unit that is open before it."""

    least_minutes: int = Field(default=20, ge=1, le=240)
    most_minutes: int = Field(default=240, ge=1, le=240)
    """No load makes it longer: whoever takes more is to pause, or to pace."""
    seconds_per_unit: int = Field(default=0, ge=0, le=3_600)
    """0: it takes the least, whatever is open."""
    unit: KitchenUnit = KitchenUnit.POINTS

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.least_minutes > self.most_minutes:
            raise ValueError("the least is more than the most")
        return self


class OpenOrder(Message):
    """An order that the kitchen has to make until `ready_at`, and what it is to it."""

    ready_at: AwareDatetime
    units: int = Field(ge=0)


class BusyLevel(StrEnum):
    """Says how busy the kitchen is."""

    ONLINE = "online"
    BUSY = "busy"
    """Everything takes `delay_minutes` longer."""
    PAUSED = "paused"
    """No order is taken."""


class Busy(Message):
    """How busy the kitchen says it is, and until when; None: until somebody says otherwise."""

    level: BusyLevel = BusyLevel.ONLINE
    delay_minutes: int = Field(default=0, ge=0, le=240)
    until: AwareDatetime | None = None
    by: str = ""

    @model_validator(mode="after")
    def _only_the_busy_are_late(self) -> Self:
        if (self.level is BusyLevel.BUSY) != (self.delay_minutes > 0):
            raise ValueError("a delay in minutes goes with `busy`, and only with it")
        return self

    def level_at(self, now: datetime.datetime) -> BusyLevel:
        """Return the level at `now`: what was said has ended at `until`."""
        return BusyLevel.ONLINE if self.until is not None and self.until <= now else self.level
