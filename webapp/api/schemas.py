"""The JSON API's resources as they are sent, and the requests that it reads.

Amounts are integer cents, VAT rates basis points, instants ISO 8601 with their offset, telephone
numbers E.164.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final, Generic, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from controlplane.contracts.clean_text import clean_json
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.models.order import OrderStatus, OrderType
from controlplane.models.reservation import ReservationSource, ReservationStatus
from controlplane.restaurants.cart import MOST_LINES, MOST_OF_ONE
from controlplane.restaurants.delivery_zones import Address

FURTHEST: Final = timedelta(days=3 * 366)
T = TypeVar("T")


def _in_reach(at: datetime) -> datetime:
    if abs(at - datetime.now(UTC)) > FURTHEST:
        raise ValueError("within three years of now")
    return at


Soon = Annotated[AwareDatetime, AfterValidator(_in_reach)]


class Resource(BaseModel):
    """What is sent: a field is never left out, and what is unknown is null."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class Asked(BaseModel):
    """What is read, each text cleaned before all else: a field that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, raw: Any) -> Any:
        return clean_json(raw)


class Page(Resource, Generic[T]):
    """Some of many, the newest first. `next` is sent back as `after`; null: there are no more."""

    data: list[T]
    next: UUID | None


class OrderOption(Resource):
    name: str
    price_delta_cents: int


class OrderLine(Resource):
    """One dish, as it was when it was ordered."""

    menu_item_id: UUID
    name: str
    quantity: int
    options: list[OrderOption]
    unit_price_cents: int
    total_cents: int
    vat_rate_bp: int


class VatLine(Resource):
    rate_bp: int
    net_cents: int
    vat_cents: int


class Order(Resource):
    """One order. Its status moves by `POST /orders/{order_id}/status`."""

    id: UUID
    number: int = Field(description="Counts from 1 on each day.")
    service_date: date
    status: OrderStatus
    order_type: OrderType
    created_at: datetime
    ready_at: datetime
    deliver_at: datetime | None
    customer_name: str | None
    customer_phone: str | None
    table_name: str | None
    note: str
    allergies: list[str] = Field(description="What the customer said, word for word.")
    lines: list[OrderLine]
    items_cents: int | None
    delivery_cents: int
    discount_cents: int
    total_cents: int = Field(description="VAT included.")
    vat: list[VatLine]
    call_id: UUID | None
    replaces_id: UUID | None = Field(description="The order that this one corrects.")


class Reservation(Resource):
    """One party's table, or its place on the waitlist."""

    id: UUID
    number: int
    status: ReservationStatus
    source: ReservationSource
    party: int
    starts_at: datetime
    ends_at: datetime
    name: str | None
    phone: str | None
    note: str
    allergy: str
    tables: list[str]
    call_id: UUID | None
    created_at: datetime


class MenuOption(Resource):
    id: UUID
    name: str
    price_delta_cents: int
    sold_out: bool
    by_default: bool


class MenuOptionGroup(Resource):
    """Between `min_select` and `max_select` of these options go with the dish."""

    id: UUID
    name: str
    min_select: int
    max_select: int
    free_count: int = Field(description="So many of those chosen, the dearest, cost nothing.")
    options: list[MenuOption]


class MenuItem(Resource):
    """A dish. `allergens` is null while nobody has declared them: that is no "without"."""

    id: UUID
    name: str
    description: str
    category: str
    price_cents: int
    vat_rate_bp: int
    allergens: list[str] | None
    sold_out: bool
    portions_left: int | None
    option_groups: list[MenuOptionGroup]


class Menu(Resource):
    """What is on the menu now, in its order."""

    items: list[MenuItem]


class Customer(Resource):
    id: UUID
    phone: str
    name: str | None
    language: str
    seen_at: datetime = Field(description="They ordered last then.")
    created_at: datetime


class Call(Resource):
    """One call. What was said in it is not told here."""

    id: UUID
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: int | None
    outcome: CallOutcome | None
    caller_number: str | None = Field(description="Null: it was hidden, or is forgotten.")
    order_id: UUID | None


class OrderMove(Asked):
    status: OrderStatus


class NewOrderLine(Asked):
    item_id: UUID
    option_ids: tuple[UUID, ...] = Field(
        default=(), max_length=60, description="An option that comes twice is had twice."
    )
    quantity: int = Field(default=1, ge=1, le=MOST_OF_ONE)


class NewOrder(Asked):
    """An order of the restaurant's website: at the menu's prices, by the rules of the telephone."""

    lines: tuple[NewOrderLine, ...] = Field(min_length=1, max_length=MOST_LINES)
    order_type: OrderType = OrderType.PICKUP
    total_cents: int = Field(
        ge=0, description="What the customer was shown; at another total nothing is placed."
    )
    wanted_at: Soon | None = Field(default=None, description="Null: as soon as can be.")
    customer_name: str = Field(min_length=1, max_length=80)
    phone: str = Field(default="", max_length=40, description="As people write it, or E.164.")
    note: str = Field(default="", max_length=300)
    allergy: str = Field(default="", max_length=300)
    table_name: str = Field(default="", max_length=20, description="Only `on_site`.")
    address: Address | None = Field(default=None, description="Only `delivery`.")

    @model_validator(mode="after")
    def _goes_where_its_type_does(self) -> Self:
        if (self.order_type is OrderType.DELIVERY) != (self.address is not None):
            raise ValueError("give `address` with the type `delivery`, and only with it")
        if self.table_name and self.order_type is not OrderType.ON_SITE:
            raise ValueError("give `table_name` only with the type `on_site`")
        return self


class ReservationMove(Asked):
    status: ReservationStatus


class NewReservation(Asked):
    """A table asked for by the restaurant's website: its guests are held to every rule."""

    party: int = Field(ge=1, le=200)
    starts_at: Soon
    name: str = Field(min_length=1, max_length=80)
    phone: str = Field(default="", max_length=40, description="As people write it, or E.164.")
    note: str = Field(default="", max_length=300)
    allergy: str = Field(default="", max_length=300)
    or_wait: bool = Field(default=False, description="Wait for a table where there is none.")
