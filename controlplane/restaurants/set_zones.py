"""Where a restaurant delivers is written, zone by zone; the next order goes by it.

Who calls these commits.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.restaurants.audit import audit
from controlplane.restaurants.delivery_zones import Zone
from controlplane.restaurants.readable_words import readable
from controlplane.restaurants.setup_errors import (
    ChangedMeanwhile,
    TooManyOf,
    UnknownZone,
    ZoneNameTaken,
)
from controlplane.restaurants.setup_lock import lock_setup
from controlplane.restaurants.zone_rows import read_zones, write_zones

MOST_ZONES: Final = 30
"""An address is compared with each of them while its caller waits."""
MOST_NAME: Final = 60


async def add_zone(session: AsyncSession, restaurant_id: UUID, zone: Zone, *, actor: str) -> None:
    """Deliver there too: an address that an earlier zone has is still that zone's.

    Raises `WordsRefused`, `ZoneNameTaken`, `TooManyOf`.
    """
    await lock_setup(session, restaurant_id)
    zones = await read_zones(session, restaurant_id)
    if len(zones) >= MOST_ZONES:
        raise TooManyOf("delivery zones", MOST_ZONES)
    await write_zones(session, restaurant_id, [*zones, _named(zone, zones)])
    await _audit(session, restaurant_id, "add_zone", actor, zone_id=zone.id, after=zone)


async def change_zone(
    session: AsyncSession, restaurant_id: UUID, zone: Zone, *, actor: str, seen: Zone | None = None
) -> None:
    """Have the zone of this id be this one, in its place.

    Raises `UnknownZone`, `WordsRefused`, `ZoneNameTaken`; `ChangedMeanwhile` when it is not as it
    was `seen`.
    """
    await lock_setup(session, restaurant_id)
    zones = await read_zones(session, restaurant_id)
    before = _zone(zones, zone.id)
    if seen not in (None, before):
        raise ChangedMeanwhile
    others = [one for one in zones if one.id != zone.id]
    named = _named(zone, others)
    await write_zones(
        session, restaurant_id, [named if one.id == zone.id else one for one in zones]
    )
    await _audit(
        session, restaurant_id, "change_zone", actor, zone_id=zone.id, before=before, after=zone
    )


async def remove_zone(
    session: AsyncSession, restaurant_id: UUID, zone_id: UUID, *, actor: str
) -> None:
    """Deliver there no more; what is ordered already stays. Raises `UnknownZone`."""
    await lock_setup(session, restaurant_id)
    zones = await read_zones(session, restaurant_id)
    gone = _zone(zones, zone_id)
    await write_zones(session, restaurant_id, [one for one in zones if one.id != zone_id])
    await _audit(session, restaurant_id, "remove_zone", actor, zone_id=zone_id, before=gone)


def _zone(zones: Sequence[Zone], zone_id: UUID) -> Zone:
    found = next((zone for zone in zones if zone.id == zone_id), None)
    if found is None:
        raise UnknownZone
    return found


def _named(zone: Zone, others: Sequence[Zone]) -> Zone:
    name = readable(zone.name, "name", most=MOST_NAME)
    if any(one.name.casefold() == name.casefold() for one in others):
        raise ZoneNameTaken
    return zone.model_copy(update={"name": name})


async def _audit(
    session: AsyncSession,
    restaurant_id: UUID,
    action: str,
    actor: str,
    *,
    zone_id: UUID,
    before: Zone | None = None,
    after: Zone | None = None,
) -> None:
    await audit(
        session,
        restaurant_id,
        actor=actor,
        action=action,
        object=f"delivery_zone:{zone_id}",
        before=_said(before),
        after=_said(after),
    )


def _said(zone: Zone | None) -> dict[str, Any]:
    if zone is None:
        return {}
    return zone.model_dump(mode="json", include={"fee_cents", "minimum_cents", "delay_minutes"})
