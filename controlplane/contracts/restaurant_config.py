"""What a worker knows of a restaurant during a call: a snapshot of menu, hours and voice.

Cached in Redis as JSON, rebuilt from Postgres by `controlplane.restaurants.config_cache`. Money is
integer cents, VAT included; opening rules are local wall time in the restaurant's zone.
"""

from enum import StrEnum
from uuid import UUID

from pydantic import Field

from controlplane.contracts.messages import Message
from controlplane.contracts.opening import (
    Busy,
    Holidays,
    KitchenPace,
    OpeningException,
    OpeningWindow,
    OpenOrder,
)


class Component(Message):
    """The dish that an option is, as far as the option is concerned."""

    price_cents: int = Field(ge=0)
    """What it costs by itself."""
    vat_rate_bp: int = Field(ge=0, le=10_000)
    alcohol: bool = False
    allergens: tuple[str, ...] | None = None
    """What the restaurant declared; None is unknown."""


class Option(Message):
    """One choice of a group, such as "fine", "épaisse" or "supplément mozzarella"."""

    id: UUID
    name: str
    spoken_name: str
    aliases: tuple[str, ...] = ()
    price_delta_cents: int = 0
    sold_out: bool = False
    by_default: bool = False
    """It goes with the dish unless its caller says otherwise."""
    component: Component | None = None


class OptionGroup(Message):
    """Between `min_select` and `max_select` of these options go with the item."""

    id: UUID
    name: str
    min_select: int = Field(ge=0)
    max_select: int = Field(ge=0)
    free_count: int = Field(default=0, ge=0)
    """So many of those chosen, the dearest, cost nothing."""
    options: tuple[Option, ...]


class MenuItem(Message):
    """A dish or a drink that callers may order."""

    id: UUID
    name: str
    spoken_name: str
    aliases: tuple[str, ...] = ()
    description: str = ""
    category: str
    price_cents: int = Field(ge=0)
    vat_rate_bp: int = Field(ge=0, le=10_000)
    """The rate is in basis points: 1000 is 10 %."""
    sold_out: bool = False
    portions_left: int | None = None
    """So many may still be ordered; None is no limit."""
    allergens: tuple[str, ...] | None = None
    """What the restaurant declared; None is unknown: nobody may say that it has none."""
    alcohol: bool = False
    set_menu: bool = False
    """Its price is for the dishes that are chosen as its options."""
    available: tuple[OpeningWindow, ...] = ()
    """It may be had in these windows only; none: always."""
    category_available: tuple[OpeningWindow, ...] = ()
    """And so may all of its category."""
    kitchen_points: int = Field(default=1, ge=0)
    """What one of it is to the kitchen's load."""
    option_groups: tuple[OptionGroup, ...] = ()


class RestaurantStatus(StrEnum):
    """Says whether a restaurant serves callers. Only a live one takes orders."""

    ONBOARDING = "onboarding"
    LIVE = "live"
    PAUSED = "paused"
    CLOSED = "closed"


class TransferTarget(Message):
    """A human a caller may be transferred to. The number stays with the bridge."""

    id: UUID
    name: str


class FaqAnswer(Message):
    """What callers who ask something like `question` are told."""

    question: str
    answer: str


class RestaurantConfig(Message):
    """This is everything that a call needs to know of its restaurant."""

    id: UUID
    slug: str
    name: str
    spoken_name: str
    address: str
    timezone: str
    phone_e164: str
    """Transfers and the fallback ladder ring here: the restaurant's own phone."""
    preparation_minutes: int
    """The least that an order takes."""
    kitchen: KitchenPace = KitchenPace()
    open_orders: tuple[OpenOrder, ...] = ()
    """They are those of when this was read: an order's transaction counts them anew."""
    voice: str
    realtime_model: str
    menu: tuple[MenuItem, ...]
    menu_version: int | None = None
    """The newest that was published; None where none ever was."""
    opening: tuple[OpeningWindow, ...]
    opening_exceptions: tuple[OpeningException, ...] = ()
    holidays: Holidays = Holidays()
    busy: Busy = Busy()
    status: RestaurantStatus = RestaurantStatus.LIVE
    transfer_targets: tuple[TransferTarget, ...] = ()
    """Callers may also be put through to these, beside the restaurant's own phone."""
    faq: tuple[FaqAnswer, ...] = ()
    """In the restaurant's order."""
