"""France's public holidays, against the calendars of several years."""

from datetime import date

import pytest

from controlplane.restaurants.public_holidays import easter_sunday, public_holidays

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "easter",
    [
        date(1818, 3, 22),  # the earliest it can be
        date(1943, 4, 25),  # the latest
        date(1954, 4, 18),
        date(1981, 4, 19),
        date(2000, 4, 23),
        date(2024, 3, 31),
        date(2025, 4, 20),
        date(2026, 4, 5),
        date(2027, 3, 28),
        date(2038, 4, 25),
        date(2049, 4, 18),
    ],
)
def test_easter_is_when_almanacs_have_it(easter: date) -> None:
    assert easter_sunday(easter.year) == easter


def test_the_eleven_of_2027() -> None:
    assert sorted(public_holidays(2027)) == [
        date(2027, 1, 1),
        date(2027, 3, 29),
        date(2027, 5, 1),
        date(2027, 5, 6),
        date(2027, 5, 8),
        date(2027, 5, 17),
        date(2027, 7, 14),
        date(2027, 8, 15),
        date(2027, 11, 1),
        date(2027, 11, 11),
        date(2027, 12, 25),
    ]


def test_alsace_and_moselle_have_two_more() -> None:
    more = public_holidays(2027, alsace_moselle=True).keys() - public_holidays(2027).keys()
    assert more == {date(2027, 3, 26), date(2027, 12, 26)}


def test_two_holidays_on_one_date_are_one() -> None:
    """1 May 2008 was Ascension Day too."""
    assert len(public_holidays(2008)) == 10
    assert public_holidays(2008)[date(2008, 5, 1)] == "fête du Travail"
