"""Reservations, for a restaurant's website."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models import reservation
from controlplane.models.api_token import ApiScope
from controlplane.models.reservation import ReservationSource, ReservationStatus
from controlplane.restaurants import reservation_request
from controlplane.restaurants.read_number import read_number
from controlplane.restaurants.reservation_request import Guest
from controlplane.restaurants.reservation_rules import Wish
from controlplane.restaurants.reservation_status import cancel, tell_status
from controlplane.restaurants.reservations import book
from webapp.api import schemas
from webapp.api.access import Client, allow
from webapp.api.operations import After, Key, Limit, once, problems
from webapp.api.queries import (
    day_of,
    page_of,
    read_restaurant_zone,
    reservation_shown,
    reservations_shown,
)

router = APIRouter(prefix="/reservations", tags=["reservations"])

Reader = Annotated[Client, Depends(allow(ApiScope.RESERVATIONS_READ))]
Writer = Annotated[Client, Depends(allow(ApiScope.RESERVATIONS_WRITE))]


@router.get("", responses=problems())
async def list_reservations(
    client: Reader,
    status: Annotated[ReservationStatus | None, Query(description="Only those in it.")] = None,
    day: Annotated[
        date | None,
        Query(
            ge=date(2000, 1, 1),
            le=date(2099, 12, 31),
            description="Only those that begin on this date of the restaurant's.",
        ),
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> schemas.Page[schemas.Reservation]:
    """List reservations, the last made first."""
    where = []
    if status is not None:
        where.append(reservation.Reservation.status == status)
    async with client.session() as session:
        if day is not None:
            zone, _ = await read_restaurant_zone(session, client.restaurant_id)
            first, last = day_of(day, zone)
            where.append(reservation.Reservation.starts_at >= first)
            where.append(reservation.Reservation.starts_at < last)
        rows, more = await page_of(
            session,
            reservation.Reservation,
            client.restaurant_id,
            *where,
            after=after,
            limit=limit,
        )
        return schemas.Page(data=await reservations_shown(session, rows), next=more)


@router.post("", status_code=201, responses=problems(409))
async def make_reservation(
    client: Writer,
    asked: schemas.NewReservation,
    key: Key,
    request: Request,
    response: Response,
) -> schemas.Reservation:
    """Ask for a table as a guest does. Where there is none the problem names the rule and the times
    at which there is one.
    """

    async def deed(session: AsyncSession, now: datetime) -> UUID:
        made = await book(
            session, client.restaurant_id, await _request(session, client, asked, key), now
        )
        return made.id

    made_id = await once(client, request, response, key, deed)
    return await _shown(client, made_id)


@router.get("/{reservation_id}", responses=problems(404))
async def read_reservation(client: Reader, reservation_id: UUID) -> schemas.Reservation:
    """Read one reservation."""
    return await _shown(client, reservation_id)


@router.post("/{reservation_id}/status", responses=problems(404, 409))
async def move_reservation(
    client: Writer,
    reservation_id: UUID,
    asked: schemas.ReservationMove,
    key: Key,
    request: Request,
    response: Response,
) -> schemas.Reservation:
    """Cancel a reservation, or say that its guests reconfirmed, came, sat down, left or did not
    come, as the restaurant's own staff do.
    """

    async def deed(session: AsyncSession, now: datetime) -> UUID:
        where, actor = (client.restaurant_id, reservation_id), client.actor
        if asked.status is ReservationStatus.CANCELLED:
            moved = await cancel(session, *where, now, actor=actor, by_staff=True)
        else:
            moved = await tell_status(session, *where, asked.status, now, actor=actor)
        return moved.id

    return await _shown(client, await once(client, request, response, key, deed))


async def _request(
    session: AsyncSession, client: Client, asked: schemas.NewReservation, key: str
) -> reservation_request.Request:
    """Read it as the rules do. Raises `NotANumber`."""
    _, own = await read_restaurant_zone(session, client.restaurant_id)
    return reservation_request.Request(
        key=f"{client.actor}:{key}",
        wish=Wish(party=asked.party, starts_at=asked.starts_at.astimezone(UTC)),
        guest=Guest(
            name=asked.name,
            phone_e164=read_number(asked.phone, own=own) if asked.phone else None,
            note=asked.note,
            allergy_note=asked.allergy,
        ),
        source=ReservationSource.WEB,
        actor=client.actor,
        or_wait=asked.or_wait,
    )


async def _shown(client: Client, reservation_id: UUID) -> schemas.Reservation:
    async with client.session() as session:
        return await reservation_shown(session, client.restaurant_id, reservation_id)
