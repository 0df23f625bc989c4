"""What a reservation asks of the staff as the evening goes: who is late, what may follow. Pure."""

from datetime import datetime, timedelta
from typing import Final

from controlplane.models.reservation import NEXT_STATUSES, ReservationStatus

LATE_AFTER: Final = timedelta(minutes=10)
"""Guests who look for a parking space are on time; then the staff call them."""
_EXPECTED: Final = frozenset({ReservationStatus.CONFIRMED, ReservationStatus.RECONFIRMED})


def is_late(status: ReservationStatus, starts_at: datetime, now: datetime) -> bool:
    """Whether guests were to come, and have not, for longer than `LATE_AFTER`."""
    return status in _EXPECTED and now >= starts_at + LATE_AFTER


def next_steps(
    status: ReservationStatus, starts_at: datetime, now: datetime
) -> frozenset[ReservationStatus]:
    """What the staff may say of it now: nobody has failed to come before they were to, and nobody
    sits down or leaves on a waitlist or a hold.
    """
    if status in (ReservationStatus.WAITLISTED, ReservationStatus.HOLD):
        return frozenset({ReservationStatus.CANCELLED})
    allowed = NEXT_STATUSES[status]
    return allowed if now >= starts_at else allowed - {ReservationStatus.NO_SHOW}
