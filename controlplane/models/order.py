"""Orders are what the kitchen prepares. A line is a snapshot: later menu edits do not change it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class OrderType(StrEnum):
    """Says how the customer gets it. The words are those of `OpeningKind`, whose hours it has."""

    PICKUP = "pickup"
    DELIVERY = "delivery"
    ON_SITE = "on_site"


class OrderStatus(StrEnum):
    """Says where an order is. Those without a next one are terminal: they never reopen."""

    PLACED = "placed"
    ACCEPTED = "accepted"
    PREPARING = "preparing"
    READY = "ready"
    OUT_FOR_DELIVERY = "out_for_delivery"
    """It is on its way; only a delivery ever is."""
    COMPLETED = "completed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Nobody at the restaurant took it."""
    NO_SHOW = "no_show"
    """It was made, and nobody came for it, or opened the door."""


class CancelReason(StrEnum):
    """Says why the restaurant does not make an order, as its customer is told."""

    TOO_BUSY = "too_busy"
    SOLD_OUT = "sold_out"
    CLOSING = "closing"
    OUT_OF_REACH = "out_of_reach"
    """Nobody can bring it there."""
    CUSTOMER_ASKED = "customer_asked"
    OTHER = "other"
    """The restaurant tells the customer itself."""


NEXT_STATUSES: Final[dict[OrderStatus, frozenset[OrderStatus]]] = {
    OrderStatus.PLACED: frozenset(
        {
            OrderStatus.ACCEPTED,
            OrderStatus.REJECTED,
            OrderStatus.CANCELLED,
            OrderStatus.EXPIRED,
        }
    ),
    OrderStatus.ACCEPTED: frozenset(
        {OrderStatus.PREPARING, OrderStatus.READY, OrderStatus.CANCELLED}
    ),
    OrderStatus.PREPARING: frozenset({OrderStatus.READY, OrderStatus.CANCELLED}),
    OrderStatus.READY: frozenset(
        {
            OrderStatus.OUT_FOR_DELIVERY,
            OrderStatus.COMPLETED,
            OrderStatus.CANCELLED,
            OrderStatus.NO_SHOW,
        }
    ),
    OrderStatus.OUT_FOR_DELIVERY: frozenset(
        {OrderStatus.COMPLETED, OrderStatus.CANCELLED, OrderStatus.NO_SHOW}
    ),
    OrderStatus.COMPLETED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.CANCELLED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
    OrderStatus.NO_SHOW: frozenset(),
}

NEVER_MADE: Final = frozenset({OrderStatus.REJECTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED})
"""Such an order costs nothing, and gives its slot and its portions to another."""

PERSONAL: Final = "customer_name IS NOT NULL OR customer_phone_e164 IS NOT NULL OR note <> ''"
"""The order says something of who placed it. What was sold at what price is kept for ten years
(Code de commerce, art. L123-22), which needs none of that."""


class Order(Base):
    """One order. `idempotency_key` is `call_id:cart_revision:cart_digest`: placing the same cart
    twice finds the first.
    """

    __tablename__ = "order"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "id", "total_cents"),  # what a payment link asks for
        UniqueConstraint("restaurant_id", "idempotency_key"),
        UniqueConstraint("restaurant_id", "service_date", "number"),
        UniqueConstraint("restaurant_id", "replaces_id"),
        ForeignKeyConstraint(["restaurant_id", "replaces_id"], ["order.restaurant_id", "order.id"]),
        CheckConstraint("replaces_id <> id", name="replaces_id"),
        Index(
            "ix_order_personal",
            "restaurant_id",
            "created_at",
            postgresql_where=text(PERSONAL),
        ),
        Index(
            None, "customer_phone_e164", postgresql_where=text("customer_phone_e164 IS NOT NULL")
        ),
        CheckConstraint("total_cents >= 0", name="total_cents"),
        CheckConstraint("delivery_cents >= 0", name="delivery_cents"),
        CheckConstraint("discount_cents BETWEEN 0 AND items_cents", name="discount_cents"),
        CheckConstraint(
            "total_cents = items_cents + delivery_cents - discount_cents", name="totals"
        ),
        CheckConstraint(
            f"status IN ({', '.join(repr(str(status)) for status in OrderStatus)})",
            name="status",
        ),
        CheckConstraint(
            f"order_type IN ({', '.join(repr(str(order_type)) for order_type in OrderType)})",
            name="order_type",
        ),
        CheckConstraint(
            "CASE WHEN order_type = 'delivery'"
            " THEN deliver_at IS NOT NULL AND deliver_at >= ready_at"
            " ELSE deliver_at IS NULL AND status <> 'out_for_delivery' END",
            name="delivery",
        ),
        CheckConstraint(
            "table_name IS NULL OR (order_type = 'on_site' AND table_name <> '')",
            name="table_name",
        ),
        Index(None, "ready_at", postgresql_where=text("status = 'placed'")),
        Index(None, "restaurant_id", "call_id", postgresql_where=text("call_id IS NOT NULL")),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"))
    call_id: Mapped[UUID | None]
    """It is no foreign key: the order is committed during the call, and the recorder writes the
    call's row."""
    service_date: Mapped[date]
    """On this date of the restaurant's own calendar `number` counts from 1."""
    number: Mapped[int]
    idempotency_key: Mapped[str]
    replaces_id: Mapped[UUID | None]
    """The order this one corrects. It is cancelled with the commit of this one: two triggers, of
    replacements and of terminal statuses, see that there are never two to be made."""
    order_type: Mapped[str] = mapped_column(
        default=OrderType.PICKUP, server_default=text("'pickup'")
    )
    """A worker of the version before, which knows of none, takes orders that are fetched."""
    table_name: Mapped[str | None]
    """It is served at this table of the restaurant's, such as "12" or "Terrasse 3"; only one that
    is eaten there is."""
    status: Mapped[str] = mapped_column(default=OrderStatus.PLACED)
    customer_name: Mapped[str | None]
    customer_phone_e164: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="")
    items_cents: Mapped[int | None]
    """What the lines come to. It is None of an order that a worker of the version before placed,
    which has no VAT lines; the database holds every other to its lines and VAT lines. Migrations
    go first in an update, so it may become NOT NULL once no older worker is left."""
    delivery_cents: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    discount_cents: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    total_cents: Mapped[int]
    """What the caller pays, VAT included."""
    menu_version: Mapped[int | None]
    """The number of the menu version that its prices were held against, by default the newest;
    None where no menu was ever published."""
    ready_at: Mapped[Instant]
    """The kitchen has made it by then."""
    deliver_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """A delivery is at its door by then; None: it is fetched, or eaten there."""
    call_back: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The caller was not told whether the order is placed: the restaurant calls them."""
    created_at: Mapped[CreatedAt]


class OrderLine(Base):
    """One dish of an order, with its name, price and options as they were when it was placed."""

    __tablename__ = "order_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            ondelete="CASCADE",
        ),
        Index(None, "restaurant_id", "order_id"),
        CheckConstraint("quantity BETWEEN 1 AND 99", name="quantity"),
        CheckConstraint("unit_price_cents >= 0", name="unit_price_cents"),
        CheckConstraint("total_cents = quantity * unit_price_cents", name="total_cents"),
        CheckConstraint("kitchen_points BETWEEN 0 AND 99", name="kitchen_points"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID]
    position: Mapped[int]
    menu_item_id: Mapped[UUID]
    """It is no foreign key: the menu may lose the dish, and the order keeps it."""
    name: Mapped[str]
    quantity: Mapped[int]
    options: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    """A list of `{"id": uuid, "name": text, "price_delta_cents": int}`."""
    unit_price_cents: Mapped[int]
    """The price of one, options included."""
    vat_rate_bp: Mapped[int]
    vat_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    """What its price is split by when it is at several rates: a list of `{"rate_bp": int, "cents":
    int}`, the separate prices at each rate. None: all of it is at `vat_rate_bp`."""
    total_cents: Mapped[int]
    kitchen_points: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """What one of it was to the kitchen's load when it was ordered."""
    portions_taken: Mapped[int | None]
    """What it took of the dish's counted portions, set by the database, which gives back as much if
    nobody begins to make the order; None where none were counted or left."""


class OrderEvent(Base):
    """Says what happened to an order, and who did it. Rows are only ever added."""

    __tablename__ = "order_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            ondelete="CASCADE",
        ),
        Index(None, "restaurant_id", "order_id"),
        CheckConstraint(
            f"reason IN ({', '.join(repr(str(reason)) for reason in CancelReason)})",
            name="reason",
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    order_id: Mapped[UUID]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str | None]
    """Why it is not made, where somebody said so."""
    at: Mapped[CreatedAt]
