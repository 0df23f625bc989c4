"""A restaurant's delivery zones as they are in Postgres, in the order in which they decide."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.delivery_zone import DeliveryZone, ZoneKind
from controlplane.restaurants.delivery_zones import Area, Circle, Polygon, Postcodes, Zone


async def read_zones(session: AsyncSession, restaurant_id: UUID) -> tuple[Zone, ...]:
    """The zones, first the one that decides before the others."""
    rows = await session.scalars(
        select(DeliveryZone)
        .where(DeliveryZone.restaurant_id == restaurant_id)
        .order_by(DeliveryZone.position)
    )
    return tuple(_zone(row) for row in rows)


async def write_zones(session: AsyncSession, restaurant_id: UUID, zones: Sequence[Zone]) -> None:
    """Make these the restaurant's zones, in this order, and no others; the caller commits."""
    await session.execute(delete(DeliveryZone).where(DeliveryZone.restaurant_id == restaurant_id))
    session.add_all(
        DeliveryZone(
            id=zone.id,
            restaurant_id=restaurant_id,
            name=zone.name,
            position=position,
            fee_cents=zone.fee_cents,
            minimum_cents=zone.minimum_cents,
            delay_minutes=zone.delay_minutes,
            **_columns(zone.area),
        )
        for position, zone in enumerate(zones)
    )
    await session.flush()


def _columns(area: Area) -> dict[str, Any]:
    match area:
        case Polygon():
            return {"kind": ZoneKind.POLYGON, "outline": [list(point) for point in area.outline]}
        case Circle():
            return {"kind": ZoneKind.CIRCLE, **area.model_dump()}
        case Postcodes():
            return {"kind": ZoneKind.POSTCODES, "postcodes": sorted(area.postcodes)}


def _zone(row: DeliveryZone) -> Zone:
    return Zone(
        id=row.id,
        name=row.name,
        area=_area(row),
        fee_cents=row.fee_cents,
        minimum_cents=row.minimum_cents,
        delay_minutes=row.delay_minutes,
    )


def _area(row: DeliveryZone) -> Area:
    """The table's checks say which columns a kind has."""
    match ZoneKind(row.kind):
        case ZoneKind.POLYGON:
            return Polygon.model_validate({"outline": row.outline})
        case ZoneKind.CIRCLE:
            return Circle.model_validate(
                {"latitude": row.latitude, "longitude": row.longitude, "radius_m": row.radius_m}
            )
        case ZoneKind.POSTCODES:
            return Postcodes.model_validate({"postcodes": row.postcodes})
