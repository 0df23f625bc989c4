"""One reservation as rows, read and written under the restaurant's lock."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.event_outbox import EventOutbox, OutboxTopic
from controlplane.models.reservation import (
    HAS_TABLE,
    NEXT_STATUSES,
    Reservation,
    ReservationEvent,
    ReservationStatus,
)
from controlplane.models.table_assignment import TableAssignment
from controlplane.restaurants.confirmations import tell_guest
from controlplane.restaurants.order_status import MAX_ACTOR
from controlplane.restaurants.reservation_errors import (
    ReservationStatusRefused,
    UnknownReservation,
)
from controlplane.restaurants.reservation_tables import During

HOLD_EXPIRY: Final = "hold_expiry"
"""The actor of the event by which a hold that is over ends."""


async def lock_reservations(session: AsyncSession, restaurant_id: UUID, now: datetime) -> None:
    """Let no other reservation of this restaurant be written before the commit, and end the holds
    that are over, so that Postgres too knows their tables to be free.

    Covers are summed under this lock: no two callers ever count the same free chair. It is
    released early by rolling back to a savepoint that was made before it.
    """
    await lock_book(session, restaurant_id)
    lapsed = await session.scalars(
        select(Reservation)
        .where(
            Reservation.restaurant_id == restaurant_id,
            Reservation.status == ReservationStatus.HOLD,
            Reservation.hold_expires_at <= now,
        )
        .execution_options(populate_existing=True)
    )
    for reservation in lapsed.all():
        await set_status(session, reservation, ReservationStatus.CANCELLED, actor=HOLD_EXPIRY)


async def lock_book(session: AsyncSession, restaurant_id: UUID) -> None:
    """Take that lock alone, for who writes what has no table: numbers are given under it."""
    await session.execute(
        select(func.pg_advisory_xact_lock(func.hashtext(f"reservation:{restaurant_id}"), 0))
    )


async def read_reservation(
    session: AsyncSession, restaurant_id: UUID, reservation_id: UUID
) -> Reservation:
    """Read it as it is now, whatever the session has seen of it. Raises `UnknownReservation`."""
    found = await session.scalar(
        select(Reservation)
        .where(Reservation.restaurant_id == restaurant_id, Reservation.id == reservation_id)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise UnknownReservation
    return found


async def next_number(session: AsyncSession, restaurant_id: UUID) -> int:
    last = await session.scalar(
        select(func.max(Reservation.number)).where(Reservation.restaurant_id == restaurant_id)
    )
    return (last or 0) + 1


def check_transition(reservation: Reservation, to: ReservationStatus) -> None:
    """Raise `ReservationStatusRefused` unless `NEXT_STATUSES` allows it."""
    if to not in NEXT_STATUSES[ReservationStatus(reservation.status)]:
        raise ReservationStatusRefused(reservation.status, to)


async def set_status(
    session: AsyncSession, reservation: Reservation, to: ReservationStatus, *, actor: str
) -> None:
    """Move it along the table of transitions, with its event; tables it no longer needs are free.

    Raises `ReservationStatusRefused`.
    """
    check_transition(reservation, to)
    before, reservation.status = reservation.status, to
    reservation.hold_expires_at = None
    if to not in HAS_TABLE:
        await release_tables(session, reservation)
    await write_event(session, reservation, from_status=before, actor=actor)


async def release_tables(session: AsyncSession, reservation: Reservation) -> None:
    await session.execute(
        update(TableAssignment)
        .where(
            TableAssignment.restaurant_id == reservation.restaurant_id,
            TableAssignment.reservation_id == reservation.id,
            TableAssignment.active,
        )
        .values(active=False)
    )


def assign_tables(
    session: AsyncSession, reservation: Reservation, table_ids: Iterable[UUID], during: During
) -> None:
    """Give it these tables: one row each, which Postgres refuses where another's is in the way."""
    session.add_all(
        TableAssignment(
            restaurant_id=reservation.restaurant_id,
            reservation_id=reservation.id,
            table_id=table_id,
            during=Range(during.starts_at, during.ends_at),
            active=True,
        )
        for table_id in sorted(table_ids)
    )


async def assigned_tables(session: AsyncSession, reservation: Reservation) -> frozenset[UUID]:
    found = await session.scalars(
        select(TableAssignment.table_id).where(
            TableAssignment.restaurant_id == reservation.restaurant_id,
            TableAssignment.reservation_id == reservation.id,
            TableAssignment.active,
        )
    )
    return frozenset(found)


async def write_event(
    session: AsyncSession,
    reservation: Reservation,
    *,
    from_status: str | None,
    actor: str,
    before: dict[str, Any] | None = None,
) -> None:
    """Record what happened, and tell open pages; the outbox's lock is held until the commit."""
    await session.flush()
    event = ReservationEvent(
        restaurant_id=reservation.restaurant_id,
        reservation_id=reservation.id,
        from_status=from_status,
        to_status=reservation.status,
        before=before,
        actor=actor[:MAX_ACTOR],
    )
    session.add(event)
    await session.flush()
    await tell_guest(session, reservation, event)
    session.add(
        EventOutbox(
            restaurant_id=reservation.restaurant_id,
            topic=OutboxTopic.RESERVATION_CHANGED,
            payload={"reservation_id": str(reservation.id), "status": reservation.status},
        )
    )
    await session.flush()
