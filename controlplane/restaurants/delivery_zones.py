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
from controlplane.restaurants.errors import AddressNotLocated, OutsideEveryZone, UnderMinimum

EARTH_RADIUS_M: Final = 6_371_009
"""The mean radius of the GRS 80 ellipsoid; a circle of 10 km is right to some ten metres."""

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


class Circle(Message):
    """All within `radius_m` metres of a point, as the crow flies."""

    latitude: Latitude
    longitude: Longitude
    radius_m: int = Field(ge=50, le=100_000)

    def holds(self, address: Address) -> bool | None:
        """Whether the address is near enough; None when it is on no map."""
        if address.point is None:
            return None
        return distance_m((self.longitude, self.latitude), address.point) <= self.radius_m


class Postcodes(Message):
    """All that has one of these postcodes."""

    postcodes: frozenset[Postcode] = Field(min_length=1)

    def holds(self, address: Address) -> bool | None:
        """Whether it is one of these; a postcode needs no map."""
        return address.postcode in self.postcodes


Area: TypeAlias = Polygon | Circle | Postcodes


class Zone(Message):
    """An area with what the restaurant asks for delivering there, in cents and minutes."""

    id: UUID
    name: str = Field(min_length=1)
    area: Area
    fee_cents: int = Field(ge=0)
    minimum_cents: int = Field(ge=0)
    delay_minutes: int = Field(ge=0, le=240)


def zone_of(address: Address, zones: Sequence[Zone]) -> Zone:
    """The first zone that has the address, in the restaurant's own order.

    A zone that cannot tell, for want of coordinates, is passed over only if another has it. Raises
    `OutsideEveryZone`, `AddressNotLocated`.
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
    raise OutsideEveryZone(address.postcode, [zone.name for zone in zones])


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
