"""Reservations are tables promised to guests, and what happened to each of them."""

from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt, Instant, PrimaryKey


class ReservationStatus(StrEnum):
    """Says where a reservation is. The last three are terminal: they never reopen."""

    WAITLISTED = "waitlisted"
    HOLD = "hold"
    CONFIRMED = "confirmed"
    RECONFIRMED = "reconfirmed"
    ARRIVED = "arrived"
    SEATED = "seated"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


_S = ReservationStatus
NEXT_STATUSES: Final[dict[ReservationStatus, frozenset[ReservationStatus]]] = {
    _S.WAITLISTED: frozenset({_S.CONFIRMED, _S.CANCELLED}),
    _S.HOLD: frozenset({_S.CONFIRMED, _S.CANCELLED}),
    _S.CONFIRMED: frozenset({_S.RECONFIRMED, _S.ARRIVED, _S.SEATED, _S.CANCELLED, _S.NO_SHOW}),
    _S.RECONFIRMED: frozenset({_S.ARRIVED, _S.SEATED, _S.CANCELLED, _S.NO_SHOW}),
    _S.ARRIVED: frozenset({_S.SEATED, _S.CANCELLED}),
    _S.SEATED: frozenset({_S.FINISHED}),
    _S.FINISHED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.NO_SHOW: frozenset(),
}
HAS_TABLE: Final = frozenset({_S.HOLD, _S.CONFIRMED, _S.RECONFIRMED, _S.ARRIVED, _S.SEATED})
"""Such a reservation's tables are nobody else's."""
COUNTED: Final = HAS_TABLE | {_S.FINISHED}
"""Such a reservation's guests count among the covers of its slot and its shift."""


PERSONAL: Final = (
    "customer_name IS NOT NULL OR customer_phone_e164 IS NOT NULL"
    " OR note <> '' OR allergy_note <> ''"
)
"""The reservation says something of whose it is; how full an evening was needs none of that."""


class ReservationSource(StrEnum):
    """Says who asked for the table."""

    VOICE = "voice"
    WEB = "web"
    STAFF = "staff"
    WALK_IN = "walk_in"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    known = ", ".join(repr(str(value)) for value in values)
    return CheckConstraint(f"{column} IN ({known})", name=column)


class Reservation(Base):
    """One party's table, or its place on the waitlist; its key finds it again."""

    __tablename__ = "reservation"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "number"),
        UniqueConstraint("restaurant_id", "idempotency_key"),
        ForeignKeyConstraint(
            ["restaurant_id", "shift_id"],
            ["reservation_shift.restaurant_id", "reservation_shift.id"],
        ),
        ForeignKeyConstraint(
            ["restaurant_id", "area_id"], ["dining_area.restaurant_id", "dining_area.id"]
        ),
        Index(None, "restaurant_id", "starts_at"),
        Index(None, "restaurant_id", "customer_phone_e164"),
        Index(None, "restaurant_id", "call_id", postgresql_where=text("call_id IS NOT NULL")),
        Index(
            "ix_reservation_hold",
            "restaurant_id",
            "hold_expires_at",
            postgresql_where=text("status = 'hold'"),
        ),
        Index(
            "ix_reservation_personal",
            "restaurant_id",
            "ends_at",
            postgresql_where=text(PERSONAL),
        ),
        _one_of("status", ReservationStatus),
        _one_of("source", ReservationSource),
        CheckConstraint("party BETWEEN 1 AND 200", name="party"),
        CheckConstraint("starts_at < ends_at", name="ends_at"),
        CheckConstraint("(shift_id IS NULL) = (shift_date IS NULL)", name="shift"),
        CheckConstraint("(status = 'hold') = (hold_expires_at IS NOT NULL)", name="hold"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id"))
    call_id: Mapped[UUID | None]
    """It is no foreign key: the reservation is committed during the call, and the recorder writes
    the call's row."""
    number: Mapped[int]
    """It counts from 1 in each restaurant: what a guest is told, and says to find it again."""
    idempotency_key: Mapped[str]
    status: Mapped[str]
    hold_expires_at: Mapped[Instant | None]
    """A hold is over from this instant on, whether or not its row says so yet."""
    source: Mapped[str]
    party: Mapped[int]
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    """The table is the party's until then: the turn time of its size after `starts_at`."""
    shift_id: Mapped[UUID | None]
    """NULL: guests who walked in outside every shift."""
    shift_date: Mapped[date | None]
    """The shift began on this date; after midnight it is still that of the evening."""
    area_id: Mapped[UUID | None]
    """The guest wants a table there; NULL: anywhere."""
    customer_name: Mapped[str | None]
    customer_phone_e164: Mapped[str | None]
    note: Mapped[str] = mapped_column(default="", server_default="")
    allergy_note: Mapped[str] = mapped_column(default="", server_default="")
    """What the guest says of allergies, word for word."""
    created_at: Mapped[CreatedAt]


class ReservationEvent(Base):
    """Says what happened to a reservation, and who did it. Rows are only ever added."""

    __tablename__ = "reservation_event"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "reservation_id"],
            ["reservation.restaurant_id", "reservation.id"],
            ondelete="CASCADE",
        ),
        Index(None, "restaurant_id", "reservation_id"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID]
    reservation_id: Mapped[UUID]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What another time, party or table took the place of:
    `{"starts_at": text, "party": int, "tables": [uuid]}`."""
    actor: Mapped[str]
    at: Mapped[CreatedAt]
