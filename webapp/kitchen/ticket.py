"""A ticket: one order as the kitchen reads it, in the visitor's language and the restaurant's time.

Pure: what is in it comes from `webapp/kitchen/queries.py`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from controlplane.models.order import NEXT_STATUSES, OrderStatus, OrderType
from controlplane.restaurants.dish_ages import USUAL, AgeLimits

DONE: Final = frozenset(status for status, following in NEXT_STATUSES.items() if not following)


class Lane(StrEnum):
    """The columns of the kitchen's page, from left to right; what is over lies below them."""

    NEW = "new"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    OVER = "over"


_LANES: Final = {
    OrderStatus.PLACED: Lane.NEW,
    OrderStatus.ACCEPTED: Lane.ACCEPTED,
    OrderStatus.PREPARING: Lane.PREPARING,
    OrderStatus.READY: Lane.READY,
    OrderStatus.OUT_FOR_DELIVERY: Lane.READY,
}
TO_MAKE: Final = frozenset({Lane.NEW, Lane.ACCEPTED, Lane.PREPARING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dish:
    """What one cook makes: a line, or one dish of a set menu's line, as often as it is wanted."""

    line_id: UUID
    part_id: UUID
    quantity: int
    name: str
    station: str = ""
    crossed: bool = False
    age: AgeLimits = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLine:
    """A line such as "2 × Margherita" with its options. A set menu's has its dishes below, each
    times the line's quantity.
    """

    quantity: int
    name: str
    options: tuple[str, ...]
    dishes: tuple[Dish, ...] = ()
    set_menu: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One order, as a cook reads it."""

    order_id: UUID
    number: int
    service_date: date
    status: OrderStatus
    order_type: OrderType
    status_label: str
    type_label: str
    next_status: OrderStatus | None
    next_label: str
    lines: tuple[TicketLine, ...]
    note: str
    customer: str
    total: str
    placed_at: str
    ready_at: str
    placed: datetime
    ready: datetime
    accepted: datetime | None = None
    moved: datetime | None = None
    """When it came to be where it is."""
    deliver_at: str = ""
    """A delivery is promised at its door then."""
    address: tuple[str, ...] = ()
    """Where it goes, line by line; it is empty once it was there."""
    table: str = ""
    """Where on site it is served, if a table was named."""
    no_show_label: str = ""
    """What a second button says while the customer of what is made may not come; empty else."""
    allergies: tuple[str, ...] = ()
    """What the caller must not eat, in their words."""
    allergies_unseen: bool = False
    replaces: int | None = None
    """The number of the order this one corrects."""
    call_back: bool = False
    """The caller does not know whether the order is placed, or that nobody takes it."""
    caller: str = ""
    """The whole number, where the kitchen is to call; it is empty otherwise, and when hidden."""
    caller_uri: str = ""
    payment: str = ""
    """How it stands with its payment; empty where it is paid as ever."""
    refusable: bool = False
    """It was not paid in time: the restaurant accepts or refuses it."""
    refund_due: bool = False
    """The customer is to have money back."""
    elsewhere: int = 0
    """So many of its dishes are made at other stations than the one that is shown."""

    @property
    def lane(self) -> Lane:
        return _LANES.get(self.status, Lane.OVER)

    @property
    def done(self) -> bool:
        return self.status in DONE

    @property
    def dishes(self) -> tuple[Dish, ...]:
        return tuple(dish for line in self.lines for dish in line.dishes)

    @property
    def order(self) -> str:
        """Tickets are sorted by it: by when they are due, what is over by the last first."""
        if self.done:
            return f"{2**40 - int((self.moved or self.placed).timestamp()):014d}"
        return f"{int(self.ready.timestamp()):014d}{self.number:06d}"

    @property
    def amber_at(self) -> datetime | None:
        return self._ages(amber=True)

    @property
    def red_at(self) -> datetime | None:
        return self._ages(amber=False)

    def _ages(self, *, amber: bool) -> datetime | None:
        """When the first of its dishes that is not made has waited too long."""
        if self.accepted is None or self.lane not in {Lane.ACCEPTED, Lane.PREPARING}:
            return None
        limits = [dish.age for dish in self.dishes if not dish.crossed]
        minutes = [each.amber_minutes if amber else each.red_minutes for each in limits]
        return self.accepted + timedelta(minutes=min(minutes)) if minutes else None

    def age(self, now: datetime) -> str:
        """Its colour by how long it has waited: "", amber or red."""
        for colour, at in (("red", self.red_at), ("amber", self.amber_at)):
            if at is not None and at <= now:
                return colour
        return ""

    def late(self, now: datetime) -> bool:
        return self.lane in TO_MAKE and self.ready < now

    def at_station(self, station: str) -> "Ticket | None":
        """The ticket with what is made there alone; None where nothing is."""
        if not station:
            return self
        lines = tuple(_line_at(line, station) for line in self.lines)
        kept = tuple(line for line in lines if line.dishes)
        if not kept:
            return None
        left = sum(dish.quantity for line in kept for dish in line.dishes)
        whole = sum(dish.quantity for dish in self.dishes)
        return replace(self, lines=kept, elsewhere=whole - left)


def to_make(tickets: Iterable[Ticket], station: str = "") -> list[tuple[str, int]]:
    """Sum up what is to be made of all open orders, the most first: ("Margherita", 11)."""
    wanted: Counter[str] = Counter()
    for ticket in tickets:
        if ticket.lane in TO_MAKE:
            for dish in ticket.dishes:
                if not dish.crossed and station in {"", dish.station}:
                    wanted[dish.name] += dish.quantity
    return wanted.most_common()


def stations(tickets: Iterable[Ticket]) -> list[str]:
    """The stations that have something to make."""
    named = {dish.station for ticket in tickets for dish in ticket.dishes if not ticket.done}
    return sorted(named - {""})


def iso(at: datetime | None) -> str:
    """Write an instant for a script: ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


def _line_at(line: TicketLine, station: str) -> TicketLine:
    here = tuple(dish for dish in line.dishes if dish.station.casefold() == station.casefold())
    return replace(line, dishes=here)
