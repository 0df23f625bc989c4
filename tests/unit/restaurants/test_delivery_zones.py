"""An address is in the first zone that has it, and a refusal says which rule decided."""

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from controlplane.contracts.identifiers import new_id
from controlplane.restaurants.delivery_zones import (
    Address,
    Area,
    Circle,
    Polygon,
    Postcodes,
    Zone,
    check_minimum,
    distance_m,
    zone_of,
)
from controlplane.restaurants.errors import AddressNotLocated, OutsideEveryZone, UnderMinimum

pytestmark = pytest.mark.unit

BELLECOUR = (4.8320, 45.7578)
PART_DIEU = (4.8590, 45.7606)
SQUARE = Polygon(outline=((4.82, 45.75), (4.84, 45.75), (4.84, 45.77), (4.82, 45.77)))
AROUND = Circle(longitude=BELLECOUR[0], latitude=BELLECOUR[1], radius_m=3_000)
SECOND = Postcodes(postcodes=frozenset({"69002", "69005"}))


def zone(name: str, area: Area, *, minimum: int = 1_500) -> Zone:
    return Zone(
        id=new_id(), name=name, area=area, fee_cents=250, minimum_cents=minimum, delay_minutes=15
    )


def address(point: tuple[float, float] | None = None, *, postcode: str = "69002") -> Address:
    return Address(
        house_number="12 bis",
        street="Rue Victor Hugo",
        postcode=postcode,
        city="Lyon",
        insee_code="69382",
        longitude=point and point[0],
        latitude=point and point[1],
    )


@pytest.mark.parametrize(
    ("point", "inside"),
    [
        (BELLECOUR, True),
        ((4.82, 45.76), True),  # on the outline
        ((4.84, 45.77), True),  # on a corner
        ((4.8401, 45.76), False),
        (PART_DIEU, False),
    ],
)
def test_a_polygon_has_what_is_inside_and_on_its_outline(
    point: tuple[float, float], *, inside: bool
) -> None:
    assert SQUARE.holds(address(point)) is inside


def test_a_hollow_of_an_outline_is_outside() -> None:
    """A "U" of which the middle is open."""
    u = Polygon(outline=((0, 0), (3, 0), (3, 3), (2, 3), (2, 1), (1, 1), (1, 3), (0, 3)))
    assert [u.holds(address((east, 2))) for east in (0.5, 1.5, 2.5)] == [True, False, True]


@pytest.mark.parametrize(
    "outline",
    [
        ((0, 0), (1, 1), (1, 0), (0, 1)),
        ((0, 0), (1, 1), (2, 2)),
        ((0, 0), (1, 1)),
        ((0, 0), (181, 0), (0, 1)),
        ((0, 0), (math.nan, 0), (0, 1)),
    ],
    ids=["crosses itself", "a line", "two corners", "off the globe", "no number"],
)
def test_what_is_no_outline_is_refused(outline: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValidationError):
        Polygon(outline=outline)


def test_a_circle_is_as_the_crow_flies() -> None:
    assert distance_m(BELLECOUR, PART_DIEU) == pytest.approx(2_117, abs=10)
    assert AROUND.holds(address(PART_DIEU)) is True
    assert AROUND.model_copy(update={"radius_m": 2_000}).holds(address(PART_DIEU)) is False


LONGITUDES, LATITUDES = st.floats(-180, 180), st.floats(-89, 89)
POINTS = st.tuples(LONGITUDES, LATITUDES)


@given(POINTS, POINTS)
def test_the_way_back_is_as_long(one: tuple[float, float], other: tuple[float, float]) -> None:
    assert distance_m(one, other) == pytest.approx(distance_m(other, one), abs=0.01)
    assert 0 <= distance_m(one, other) <= 20_020_000  # half round the Earth


@given(
    st.tuples(st.integers(-80, 80), st.integers(-80, 80)),
    st.tuples(st.integers(-80, 80), st.integers(-80, 80)),
)
def test_a_triangle_agrees_with_exact_arithmetic(
    corner: tuple[int, int], point: tuple[int, int]
) -> None:
    """The triangle of the origin, (81, 0) and `corner`, whose sides are compared exactly."""
    if corner[1] == 0:
        return
    sides = [(0, 0), (81, 0), corner, (0, 0)]
    turns = [
        Fraction((bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax))
        for (ax, ay), (bx, by) in pairwise(sides)
    ]
    inside = all(turn >= 0 for turn in turns) or all(turn <= 0 for turn in turns)
    triangle = Polygon(outline=((0, 0), (81, 0), corner))
    assert triangle.holds(address((point[0], point[1]))) is inside


def test_the_first_zone_that_has_it_decides() -> None:
    near, far = zone("Proche", SQUARE), zone("Large", AROUND)
    assert zone_of(address(BELLECOUR), [near, far]) is near
    assert zone_of(address(BELLECOUR), [far, near]) is far
    assert zone_of(address(PART_DIEU), [near, far]) is far


def test_outside_every_zone_is_refused_by_name() -> None:
    with pytest.raises(OutsideEveryZone, match="69100 is outside every delivery zone: Proche"):
        zone_of(address(PART_DIEU, postcode="69100"), [zone("Proche", SQUARE)])
    with pytest.raises(OutsideEveryZone, match="the restaurant has none"):
        zone_of(address(BELLECOUR), [])


def test_outside_every_zone_the_nearest_on_a_map_is_named() -> None:
    """A circle and an outline are as far as the way to them; a postcode is nowhere."""
    drawn, around, listed = (
        zone("Proche", SQUARE),
        zone("Large", AROUND.model_copy(update={"radius_m": 1_000})),
        zone("Presqu'île", SECOND),
    )
    far_away = address(PART_DIEU, postcode="69100")
    assert nearest(far_away, drawn, around, listed) == ("Large", pytest.approx(1_117, abs=10))
    assert nearest(far_away, drawn, listed) == ("Proche", pytest.approx(1_474, abs=10))
    assert nearest(far_away, listed) is None
    assert nearest(address(postcode="69100"), listed) is None


def nearest(place: Address, *zones: Zone) -> object:
    with pytest.raises(OutsideEveryZone) as refused:
        zone_of(place, zones)
    return refused.value.nearest


@given(st.floats(4.6, 5.0), st.floats(45.6, 45.9))
def test_the_way_to_an_outline_is_that_to_its_nearest_point(east: float, north: float) -> None:
    """Held against the sphere: the nearest of a hundred points a side, none of them nearer."""
    corners = [*SQUARE.outline, SQUARE.outline[0]]
    points = [
        (ax + (bx - ax) * step / 100, ay + (by - ay) * step / 100)
        for (ax, ay), (bx, by) in pairwise(corners)
        for step in range(100)
    ]
    way = SQUARE.distance_m((east, north))
    if SQUARE.holds(address((east, north))):
        assert way == 0
    else:
        sampled = min(distance_m((east, north), point) for point in points)
        assert sampled - 15 - sampled / 100 <= way <= sampled + 1 + sampled / 100


def test_an_address_on_no_map_is_known_by_its_postcode_or_to_be_looked_up() -> None:
    drawn, listed = zone("Proche", SQUARE), zone("Presqu'île", SECOND)
    assert zone_of(address(), [drawn, listed]) is listed
    with pytest.raises(AddressNotLocated) as refused:
        zone_of(address(postcode="69100"), [drawn, listed])
    assert refused.value.zone == "Proche"


def test_dishes_under_the_minimum_are_refused_with_both_amounts() -> None:
    check_minimum(zone("Proche", SQUARE), 1_500)
    with pytest.raises(UnderMinimum) as refused:
        check_minimum(zone("Proche", SQUARE), 1_499)
    told = refused.value
    assert (told.zone, told.minimum_cents, told.items_cents) == ("Proche", 1_500, 1_499)


@pytest.mark.parametrize(
    "wrong",
    [
        {"postcode": "6900"},
        {"insee_code": "2C001"},
        {"street": ""},
        {"latitude": 45.0},
        {"latitude": 91.0, "longitude": 0.0},
    ],
)
def test_what_is_no_address_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Address.model_validate({**address().model_dump(), **wrong})


def test_corsica_has_letters_in_its_codes() -> None:
    ajaccio = {**address().model_dump(), "postcode": "20000", "insee_code": "2A004"}
    assert Address.model_validate(ajaccio).insee_code == "2A004"
