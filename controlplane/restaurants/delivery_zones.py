"""Which of a restaurant's zones an address is in, and what delivering there takes. Pure.

An address has the fields of the Base adresse nationale (BAN, api-adresse.data.gouv.fr). Every
refusal names the rule that decided: no zone has it, it is on no map, its zone asks for more.
"""

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Final, Self, TypeAlias
from uuid import UUID

import shapely
from pydantic import Field, model_validator

from controlplane.contracts.messages import Message
from controlplane.restaurants.errors import (
    AddressNotLocated,
    DeliveryChanged,
    OutsideEveryZone,
    UnderMinimum,
)

EARTH_RADIUS_M: Final = 6_371_009
"""The mean radius of the GRS 80 ellipsoid; a circle of 10 km is right to some ten metres."""
_DEGREE_M: Final = EARTH_RADIUS_M * math.tau / 360
"""One degree of latitude, in metres."""

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Postcode = Annotated[str, Field(pattern=r"^[0-9]{5}$")]
Corner = tuple[Longitude, Latitude]


class Address(Message):
    """Where an order is brought. Latitude and longitude are degrees, None when not looked up."""

    house_number: str = Field(default="", max_length=16)
    """The BAN's `housenumber`, with its "bis"; empty where houses have none."""
    street: str = Field(min_length=1, max_length=120)
    postcode: Postcode
    city: str = Field(min_length=1, max_length=80)
    insee_code: str | None = Field(default=None, pattern=r"^(?:[0-9]{2}|2A|2B)[0-9]{3}$")
    """The BAN's `citycode`: unlike a postcode it names one commune."""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    floor: str = Field(default="", max_length=20)
    door_code: str = Field(default="", max_length=20)
    instructions: str = Field(default="", max_length=200)

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("give latitude and longitude, or neither")
        return self

    @property
    def point(self) -> Corner | None:
        """Longitude and latitude."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.longitude, self.latitude

    @property
    def door(self) -> tuple[str, str, str, str]:
        """What makes two addresses the same: the rest helps to find it."""
        return self.house_number, self.street, self.postcode, self.city


class Polygon(Message):
    """An outline of at least three corners, which need not be closed."""

    outline: tuple[Corner, ...] = Field(min_length=3, max_length=500)

    @model_validator(mode="after")
    def _is_an_outline(self) -> Self:
        if not self.shape.is_valid:
            raise ValueError("the outline crosses itself or encloses nothing: draw it again")
        return self

    @cached_property
    def shape(self) -> shapely.Polygon:
        return shapely.Polygon(self.outline)

    def holds(self, address: Address) -> bool | None:
        """Whether the address is inside or on the outline; None when it is on no map."""
        return None if address.point is None else self.shape.covers(shapely.Point(address.point))

    def distance_m(self, point: Corner) -> float:
        """Metres to the outline. A degree of longitude counts as on the point's own latitude, which
        is right to a metre a kilometre over the few that matter.
        """
        scale = (math.cos(math.radians(point[1])), 1.0)
        outline, place = (
            shapely.transform(shape, lambda corners: corners * scale)
            for shape in (self.shape, shapely.Point(point))
        )
        return float(outline.distance(place)) * _DEGREE_M


class Circle(Message):
    """All within `radius_m` metres of a point, as the crow flies."""

    latitude: Latitude
    longitude: Longitude
    radius_m: int = Field(ge=50, le=100_000)

    def holds(self, address: Address) -> bool | None:
        """Whether the address is near enough; None when it is on no map."""
        if address.point is None:
            return None
        return self.distance_m(address.point) == 0

    def distance_m(self, point: Corner) -> float:
        """Metres to the circle; 0 within it."""
        return max(0.0, distance_m((self.longitude, self.latitude), point) - self.radius_m)


class Postcodes(Message):
    """All that has one of these postcodes."""

    postcodes: frozenset[Postcode] = Field(min_length=1)

    def holds(self, address: Address) -> bool | None:
        """Whether it is one of these; a postcode needs no map."""
        return address.postcode in self.postcodes

    def distance_m(self, _point: Corner) -> None:
        """Nobody knows how far it is to a postcode."""


Area: TypeAlias = Polygon | Circle | Postcodes


class Zone(Message):
    """An area with what the restaurant asks for delivering there, in cents and minutes."""

    id: UUID
    name: str = Field(min_length=1)
    area: Area
    fee_cents: int = Field(ge=0)
    minimum_cents: int = Field(ge=0)
    delay_minutes: int = Field(ge=0, le=240)


class Delivery(Message):
    """Where an order is brought, and what its zone asks for that, in cents and minutes."""

    address: Address
    zone: str = Field(min_length=1)
    fee_cents: int = Field(ge=0)
    delay_minutes: int = Field(ge=0, le=240)


def delivery_to(address: Address, zones: Sequence[Zone], *, items_cents: int) -> Delivery:
    """What delivering dishes of that price there takes now. Raises what `zone_of` and
    `check_minimum` raise.
    """
    zone = zone_of(address, zones)
    check_minimum(zone, items_cents)
    return Delivery(
        address=address,
        zone=zone.name,
        fee_cents=zone.fee_cents,
        delay_minutes=zone.delay_minutes,
    )


def check_delivery(told: Delivery, zones: Sequence[Zone], *, items_cents: int) -> None:
    """Raise what `delivery_to` raises, and `DeliveryChanged` unless it takes what was told."""
    now = delivery_to(told.address, zones, items_cents=items_cents)
    if (now.fee_cents, now.delay_minutes) != (told.fee_cents, told.delay_minutes):
        raise DeliveryChanged(now.zone, now.fee_cents, now.delay_minutes)


def zone_of(address: Address, zones: Sequence[Zone]) -> Zone:
    """The first zone that has the address, in the restaurant's own order.

    A zone that cannot tell, for want of coordinates, is passed over only if another has it. Raises
    `OutsideEveryZone`, which names the nearest zone, and `AddressNotLocated`.
    """
    unsure = None
    for zone in zones:
        match zone.area.holds(address):
            case True:
                return zone
            case None:
                unsure = unsure or zone
    if unsure is not None:
        raise AddressNotLocated(unsure.name)
    raise OutsideEveryZone(
        address.postcode, [zone.name for zone in zones], nearest=_nearest(address, zones)
    )


def _nearest(address: Address, zones: Sequence[Zone]) -> tuple[str, int] | None:
    """The nearest zone that is drawn on a map, and its distance in metres."""
    if address.point is None:
        return None
    distances = [
        (distance, zone.name)
        for zone in zones
        if (distance := zone.area.distance_m(address.point)) is not None
    ]
    if not distances:
        return None
    distance, name = min(distances)
    return name, round(distance)


def check_minimum(zone: Zone, items_cents: int) -> None:
    """Raise `UnderMinimum` when the dishes come to less than the zone asks for."""
    if items_cents < zone.minimum_cents:
        raise UnderMinimum(zone.name, zone.minimum_cents, items_cents)


def distance_m(one: Corner, other: Corner) -> float:
    """Metres between two points on a sphere, by the haversine formula."""
    (east, north), (other_east, other_north) = (map(math.radians, point) for point in (one, other))
    half_chord = (
        math.sin((other_north - north) / 2) ** 2
        + math.cos(north) * math.cos(other_north) * math.sin((other_east - east) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(half_chord))
