"""Where a restaurant delivers: a polygon, a circle or a list of postcodes, with its conditions."""

from enum import StrEnum
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Float, ForeignKey, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, PrimaryKey


class ZoneKind(StrEnum):
    """Says by what a zone is bounded."""

    POLYGON = "polygon"
    CIRCLE = "circle"
    POSTCODES = "postcodes"


SHAPE: Final = (
    "(kind = 'polygon') = (outline IS NOT NULL)"
    " AND (kind = 'postcodes') = (postcodes IS NOT NULL)"
    " AND (kind = 'circle') = (latitude IS NOT NULL)"
    " AND (latitude IS NULL) = (longitude IS NULL)"
    " AND (latitude IS NULL) = (radius_m IS NULL)"
)
"""A zone has the shape of its kind and no other."""


class DeliveryZone(Base):
    """One zone. Where several hold an address the first by `position` decides."""

    __tablename__ = "delivery_zone"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "name"),
        UniqueConstraint("restaurant_id", "position"),
        CheckConstraint("kind IN ('polygon', 'circle', 'postcodes')", name="kind"),
        CheckConstraint(SHAPE, name="shape"),
        CheckConstraint("radius_m BETWEEN 50 AND 100000", name="radius_m"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint("fee_cents >= 0", name="fee_cents"),
        CheckConstraint("minimum_cents >= 0", name="minimum_cents"),
        CheckConstraint("delay_minutes BETWEEN 0 AND 240", name="delay_minutes"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    name: Mapped[str]
    position: Mapped[int]
    kind: Mapped[str]
    outline: Mapped[list[list[float]] | None] = mapped_column(JSONB(none_as_null=True))
    """The corners of a polygon, longitude before latitude as in GeoJSON (RFC 7946), in degrees."""
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    radius_m: Mapped[int | None]
    postcodes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    fee_cents: Mapped[int]
    minimum_cents: Mapped[int]
    """The dishes must come to this, before the fee."""
    delay_minutes: Mapped[int]
    """The way takes this long, once the order is ready."""
