"""Step 9 of a call: what the caller confirmed, under the key that makes it the same order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from pydantic import Field, model_validator

from controlplane.contracts.messages import Message
from controlplane.models.order import OrderType
from controlplane.restaurants import money
from controlplane.restaurants.cart import Cart, CartLine
from controlplane.restaurants.delivery_zones import Delivery


class OrderDraft(Message):
    """An order to be placed, at the prices the caller was told. It can wait in Redis as JSON; one
    that a worker of the version before wrote there names no type: it is fetched.
    """

    restaurant_id: UUID
    call_id: UUID | None
    """None: somebody of the restaurant took it."""
    idempotency_key: str
    confirmed_at: datetime
    lines: tuple[CartLine, ...]
    order_type: OrderType = OrderType.PICKUP
    delivery: Delivery | None = None
    """Where a delivery goes, and at which fee the caller was told."""
    table_name: str | None = Field(default=None, min_length=1, max_length=20)
    """Where on site it is served, if a table is named."""
    customer_name: str | None = None
    customer_phone_e164: str | None = None
    note: str = ""
    allergy: str | None = None
    """What the caller must not eat, in their words. The kitchen is to acknowledge it."""
    replaces_id: UUID | None = None
    """The order that this one corrects, and that is cancelled once this one is placed."""

    @model_validator(mode="after")
    def _goes_where_its_type_does(self) -> Self:
        if (self.order_type is OrderType.DELIVERY) != (self.delivery is not None):
            raise ValueError("give `delivery` with the type `delivery`, and only with it")
        if self.table_name and self.order_type is not OrderType.ON_SITE:
            raise ValueError("give `table_name` only with the type `on_site`")
        return self

    @property
    def items_cents(self) -> int:
        """What the dishes come to."""
        return money.total_cents(self.lines)

    @property
    def delivery_cents(self) -> int:
        return self.delivery.fee_cents if self.delivery else 0

    @property
    def total_cents(self) -> int:
        """What the caller pays."""
        return self.items_cents + self.delivery_cents


AGENT: Final = "agent"
"""Who takes orders over the telephone, as an order's events name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """How a draft is placed. It is no part of the draft, which a worker of the version before may
    have to read.
    """

    by: str = AGENT
    """Who takes the order, as its events name them."""
    call_back: bool = False
    """Nobody is there to tell the caller: the restaurant does."""
    wanted_at: datetime | None = None
    """The customer wants it ready then, and not sooner or later; None: as soon as can be. It is in
    the restaurant's zone."""


BY_AGENT: Final = Taking()


@dataclass(frozen=True, kw_only=True)
class PlacedOrder:
    """A committed order, as it is in Postgres."""

    id: UUID
    number: int
    total_cents: int
    ready_at_local: datetime
    idempotency_key: str
    order_type: OrderType = OrderType.PICKUP
    deliver_at_local: datetime | None = None
    """A delivery is at its door by then."""


def idempotency_key(call_id: UUID, cart: Cart) -> str:
    """What makes an order the same order: this call's cart, its revision and what is in it.

    A revision alone is not enough: a worker that lost the cart counts from 0 again. Name, number
    and note are left out: placed again with another remark, it is still the same order. Type and
    address are left out too, and compared when an order is found: with others it is an error, and
    never a second order.
    """
    return f"{call_id}:{cart.revision}:{cart.digest}"


def key_of_form(form: UUID) -> str:
    """What makes an order that was typed the same order: the page it was typed on. Sent twice it
    is placed once, and sent with other dishes it is another cart's key.
    """
    return f"form:{form}"


def key_before_digests(key: str) -> str:
    """The key that a worker of the version before gave the same cart: `call_id:revision`.

    It names no cart, so an order found under it must be compared with the draft.
    """
    return key.rpartition(":")[0]
