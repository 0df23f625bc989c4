"""Guests find their own reservation, and learn of nobody else's.

Who calls from the number a reservation was made with need say no more. Anybody else says the name
it is under and one thing more: its number, its telephone number, or its date. A wrong answer and a
reservation that is not there get the same `UnknownReservation`.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.reservation import HAS_TABLE, Reservation, ReservationStatus
from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.reservation_errors import SeveralReservations, UnknownReservation

_TITLES: Final = frozenset("m mr mme mlle monsieur madame mademoiselle".split())
_WORD: Final = re.compile(r"[^\W\d_]+")
_OPEN: Final = HAS_TABLE | {ReservationStatus.WAITLISTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a guest shows of a reservation being theirs. Numbers of telephones are E.164."""

    calling_from: str | None = None
    """The network says so, not the guest."""
    name: str | None = None
    number: int | None = None
    phone_e164: str | None = None
    on: date | None = None
    """The date of the reservation, in the restaurant's zone."""


async def own_reservations(
    session: AsyncSession, restaurant: Restaurant, claim: Claim, now: datetime
) -> list[Reservation]:
    """Return the guest's reservations that are not over, the next first.

    Raises `UnknownReservation`, and `SeveralReservations` when a name and a date are two guests'.
    """
    if claim.calling_from and (found := await _of_number(session, restaurant, claim, now)):
        return found
    return await _of_name(session, restaurant, claim, now)


async def _of_number(
    session: AsyncSession, restaurant: Restaurant, claim: Claim, now: datetime
) -> list[Reservation]:
    own = Reservation.customer_phone_e164 == claim.calling_from
    return await _open(session, restaurant, now, own)


async def _of_name(
    session: AsyncSession, restaurant: Restaurant, claim: Claim, now: datetime
) -> list[Reservation]:
    """Compare names by words: "Dupont" answers to "Camille Dupont", never the other way round."""
    said = _words(claim.name)
    shown = _shown(claim)
    if not said or not shown:
        raise UnknownReservation
    zone = ZoneInfo(restaurant.timezone)
    found = [
        one
        for one in await _open(session, restaurant, now, *shown)
        if said <= _words(one.customer_name)
        and claim.on in (None, one.shift_date, one.starts_at.astimezone(zone).date())
    ]
    if not found:
        raise UnknownReservation
    if len(found) > 1 and claim.number is None and claim.phone_e164 is None:
        raise SeveralReservations
    return found


def _shown(claim: Claim) -> list[ColumnElement[bool]]:
    """What the guest said beside the name, as a query; a date is compared in the zone."""
    shown: list[ColumnElement[bool]] = []
    if claim.number is not None:
        shown.append(Reservation.number == claim.number)
    if claim.phone_e164 is not None:
        shown.append(Reservation.customer_phone_e164 == claim.phone_e164)
    if claim.on is not None:
        shown.append(Reservation.customer_name.is_not(None))
    return shown


async def _open(
    session: AsyncSession, restaurant: Restaurant, now: datetime, *where: ColumnElement[bool]
) -> list[Reservation]:
    rows = await session.scalars(
        select(Reservation)
        .where(
            Reservation.restaurant_id == restaurant.id,
            Reservation.status.in_(_OPEN),
            Reservation.ends_at > now,
            *where,
        )
        .order_by(Reservation.starts_at)
    )
    return [one for one in rows if one.hold_expires_at is None or one.hold_expires_at > now]


def _words(name: str | None) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", (name or "").casefold())
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return frozenset(_WORD.findall(bare)) - _TITLES
