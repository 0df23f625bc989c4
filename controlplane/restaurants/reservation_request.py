"""What a guest asks for: a table, under a key that makes it the same request when it is retried."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from controlplane.models.reservation import Reservation, ReservationSource, ReservationStatus
from controlplane.restaurants.reservation_rules import Wish

HOLD_FOR: Final = timedelta(minutes=5)
"""A table is kept this long for a caller who spells a name; then it is free without any job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Who comes, in words cleaned where they entered; the number is E.164."""

    name: str | None = None
    phone_e164: str | None = None
    note: str = ""
    allergy_note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A table asked for once. `key` names the request: a retried tool call brings the same one."""

    key: str
    wish: Wish
    guest: Guest
    source: ReservationSource
    actor: str
    call_id: UUID | None = None
    hold: bool = False
    """The table is kept for `HOLD_FOR` only, until it is confirmed."""
    or_wait: bool = False
    """Where the restaurant is full the guest waits for a table."""

    @property
    def status(self) -> ReservationStatus:
        """What the reservation is once its table is given."""
        if self.source is ReservationSource.WALK_IN:
            return ReservationStatus.SEATED
        return ReservationStatus.HOLD if self.hold else ReservationStatus.CONFIRMED


def wish_of(reservation: Reservation) -> Wish:
    """Return what the reservation is for, to be changed with `dataclasses.replace`."""
    return Wish(
        party=reservation.party, starts_at=reservation.starts_at, area_id=reservation.area_id
    )


def write_guest(reservation: Reservation, guest: Guest) -> None:
    reservation.customer_name = guest.name
    reservation.customer_phone_e164 = guest.phone_e164
    reservation.note = guest.note
    reservation.allergy_note = guest.allergy_note
