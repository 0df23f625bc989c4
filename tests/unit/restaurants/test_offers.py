"""Advertising waits for a weekday's or a Saturday's daytime where the restaurant is."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from controlplane.models.restaurant import Restaurant
from controlplane.restaurants.offers import advertising_from

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        ("2026-11-27T08:00", "2026-11-27T08:00"),
        ("2026-11-27T19:59", "2026-11-27T19:59"),
        ("2026-11-27T07:59", "2026-11-27T08:00"),
        ("2026-11-27T20:00", "2026-11-28T08:00"),
        ("2026-11-28T20:00", "2026-11-30T08:00"),  # over Sunday
        ("2026-12-24T21:00", "2026-12-26T08:00"),  # over Christmas
        ("2026-05-13T20:30", "2026-05-15T08:00"),  # over Ascension
        ("2026-10-24T22:00", "2026-10-26T08:00"),  # over the clock's change
    ],
)
def test_from_when_on(now: str, allowed: str) -> None:
    paris = ZoneInfo("Europe/Paris")
    restaurant = Restaurant(timezone="Europe/Paris", alsace_moselle=False)
    found = advertising_from(restaurant, datetime.fromisoformat(now).replace(tzinfo=paris))
    assert found == datetime.fromisoformat(allowed).replace(tzinfo=paris)
