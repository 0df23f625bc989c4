"""Amounts, times and numbers are said as they are said in France."""

from datetime import date, time

import pytest

from controlplane.contracts.opening import OpeningException, OpeningWindow
from controlplane.spoken.spoken_french import (
    clock,
    is_feminine,
    number,
    price,
    spoken_exceptions,
    spoken_hours,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("cents", "words"),
    [
        (0, "zéro centime"),
        (1, "un centime"),
        (50, "cinquante centimes"),
        (100, "un euro"),
        (950, "neuf euros cinquante"),
        (1_250, "douze euros cinquante"),
        (2_105, "vingt et un euros cinq"),
        (7_199, "soixante et onze euros quatre-vingt-dix-neuf"),
        (8_000, "quatre-vingts euros"),
        (8_180, "quatre-vingt-un euros quatre-vingts"),
        (20_000, "deux cents euros"),
        (123_456, "mille deux cent trente-quatre euros cinquante-six"),
    ],
)
def test_prices(cents: int, words: str) -> None:
    assert price(cents) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (17, "dix-sept"),
        (70, "soixante-dix"),
        (71, "soixante et onze"),
        (80, "quatre-vingts"),
        (91, "quatre-vingt-onze"),
        (100, "cent"),
        (200, "deux cents"),
        (201, "deux cent un"),
        (280_000, "deux cent quatre-vingt mille"),
        (1_000, "mille"),
    ],
)
def test_numbers(value: int, words: str) -> None:
    assert number(value) == words


def test_one_of_a_feminine_thing() -> None:
    assert number(1, feminine=True) == "une"
    assert number(21, feminine=True) == "vingt et une"


@pytest.mark.parametrize("value", [-1, 1_000_000])
def test_what_is_not_said_on_the_telephone(value: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        number(value)


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (time(19, 30), "dix-neuf heures trente"),
        (time(1), "une heure"),
        (time(21, 5), "vingt et une heures cinq"),
        (time(0), "minuit"),
        (time(12), "midi"),
        (time(0, 30), "zéro heure trente"),
    ],
)
def test_times(moment: time, words: str) -> None:
    assert clock(moment) == words


@pytest.mark.parametrize(
    ("name", "category", "feminine"),
    [
        ("Quatre fromages", "Pizzas", True),
        ("Eau minérale", "Boissons", True),
        ("Coca-Cola", "Boissons", False),
        ("Tiramisu", "Desserts", False),
        ("Entrecôte", "Entrées", True),
    ],
)
def test_one_is_un_or_une(name: str, category: str, *, feminine: bool) -> None:
    assert is_feminine(name, category) is feminine


def test_days_with_the_same_hours_are_said_together() -> None:
    windows = [
        OpeningWindow(weekday=day, opens=time(18), closes=time(23) if day < 5 else time(0))
        for day in range(1, 7)
    ]
    assert spoken_hours(windows) == (
        "lundi fermé ; du mardi au vendredi de dix-huit heures à vingt-trois heures ; "
        "du samedi au dimanche de dix-huit heures à minuit"
    )


def test_a_day_off_and_a_day_with_other_hours() -> None:
    eve = date(2026, 12, 31)
    exceptions = [
        OpeningException(date=date(2026, 12, 25)),
        OpeningException(date=eve, opens=time(12), closes=time(14)),
        OpeningException(date=eve, opens=time(19), closes=time(3)),
        OpeningException(date=date(2027, 1, 1)),
    ]
    assert spoken_exceptions(exceptions) == (
        "vendredi vingt-cinq décembre fermé ; jeudi trente et un décembre de midi à quatorze "
        "heures et de dix-neuf heures à trois heures ; vendredi premier janvier fermé"
    )
    assert spoken_exceptions([]) == "aucun"
