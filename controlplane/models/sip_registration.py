"""A restaurant's SIP account, the bridge that registers it, and what became of that."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.gateway_states import GatewayState
from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey

REGISTRATION_CHANNEL = "registration_changed"
"""Postgres notifies on this channel when the registrations a bridge is to hold have changed. The
payload is the bridge's id, or empty for an account that has no bridge yet."""


class PlacementReason(StrEnum):
    """Says why a registration is where it is."""

    NEW = "new"
    FAILOVER = "failover"
    DRAIN = "drain"
    REBALANCE = "rebalance"
    ADMIN = "admin"


class MoveRefusal(StrEnum):
    """Says why a requested move was not made; `bridge_id` of the event is the bridge asked for."""

    FULL = "full"
    DRAINING = "draining"
    LOST = "lost"
    NOT_READY = "not_ready"
    """The bridge was not heard of for some seconds, its SIP does not answer, or two processes use
    its name."""
    NOT_LIVE = "not_live"
    """The restaurant is not live: nobody registers it."""


class TryReason(StrEnum):
    """Says why a suspended account is tried again."""

    ALONE = "alone"
    """Its time had come."""
    PROBE = "probe"
    """Its carrier refuses everybody, and it asks for all."""
    SIBLING = "sibling"
    """Another account of its carrier's was taken again."""


class SipRegistration(Base):
    """The row says what is wanted; the truth is at the registrar.

    A move is make-before-break: `bridge_id` becomes the new owner and `epoch` rises by one, the old
    owner becomes `former_bridge_id` and keeps its binding until the new one has reported `state`
    REGED for that `epoch` (`state_epoch`). Then it un-REGISTERs, and clears `former_bridge_id`
    itself; for a bridge that is lost, the controller does.
    """

    __tablename__ = "sip_registration"
    __table_args__ = (
        CheckConstraint("former_bridge_id <> bridge_id", name="former_bridge_id"),
        Index(None, "bridge_id"),
        Index(None, "former_bridge_id"),
        Index(
            "ix_sip_registration_refused",
            "carrier_id",
            postgresql_where=text("auth_failures > 0"),
        ),
        Index(
            "ix_sip_registration_requested_bridge_id",
            "requested_bridge_id",
            postgresql_where=text("requested_bridge_id IS NOT NULL"),
        ),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), unique=True
    )
    gateway_name: Mapped[str] = mapped_column(unique=True)
    """`slug-<8 hex>` can be read in fs_cli and not be guessed by a caller."""
    carrier_id: Mapped[str] = mapped_column(ForeignKey("carrier.id"))
    username: Mapped[str]
    """The user of From and To, never with its domain."""
    domain: Mapped[str | None]
    """Their host, where this account's differs from its carrier's."""
    auth_username: Mapped[str | None]
    """The digest's user, where it is not `username`."""
    password_encrypted: Mapped[str]
    """`SecretBox.seal(password, owner=restaurant_id)` made it."""
    config_version: Mapped[int] = mapped_column(default=1)
    """Triggers raise it when the account, its carrier or the restaurant's phone changes."""

    bridge_id: Mapped[str | None] = mapped_column(ForeignKey("sip_bridge_node.id"))
    epoch: Mapped[int] = mapped_column(default=0)
    """The ownership's number, which rises by one with each new `bridge_id`."""
    placement_reason: Mapped[str | None]
    placed_at: Mapped[Instant | None]
    former_bridge_id: Mapped[str | None] = mapped_column(ForeignKey("sip_bridge_node.id"))
    requested_bridge_id: Mapped[str | None] = mapped_column(ForeignKey("sip_bridge_node.id"))
    """`alloresto sip move` sets it: the controller moves the registration there once, with reason
    `admin`, or refuses with a `move_refused` event; either way it sets this back to NULL."""

    state: Mapped[str] = mapped_column(default=GatewayState.DOWN.value)
    """The `GatewayState` last reported, kept as text because bridges of several versions write it.
    """
    state_epoch: Mapped[int] = mapped_column(default=0)
    """`state` is about this epoch: when it is an older owner's, it says nothing of the present one.
    """
    state_at: Mapped[Instant | None]
    """Since when it is in `state`, or when the account was last refused in it: a failure that goes
    on leaves it alone."""
    last_sip_code: Mapped[int | None]
    next_retry_at: Mapped[Instant | None]
    auth_failures: Mapped[int] = mapped_column(default=0)
    """Counts refusals in a row, whichever bridge got them; it is 0 after REGED or a change of the
    account."""


class SipRegistrationEvent(Base):
    """The history of a registration, for `alloresto sip trace`. Refreshes are not in it."""

    __tablename__ = "sip_registration_event"
    __table_args__ = (Index(None, "registration_id", "id"), Index(None, "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    registration_id: Mapped[UUID] = mapped_column(
        ForeignKey("sip_registration.id", ondelete="CASCADE")
    )
    at: Mapped[CreatedAt]
    bridge_id: Mapped[str | None]
    epoch: Mapped[int]
    event: Mapped[str]
    """One of `placed`, `released`, `cleared` (no longer live), `move_refused`, `tried_again`, or a
    `GatewayState`."""
    detail: Mapped[str | None]
    """Holds the `PlacementReason` of `placed`, the `MoveRefusal` of `move_refused` and the
    `TryReason` of `tried_again`; never a secret or a number."""
    sip_code: Mapped[int | None]
