"""What the model is told of the moment: date, time, and whether an order can be taken."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from aiworker.prompts.situation import NO_ORDER, situation
from controlplane.contracts.opening import OpeningException, OpeningWindow
from controlplane.contracts.restaurant_config import RestaurantStatus
from tests.small_menu import CONFIG

pytestmark = pytest.mark.unit

EVENINGS = CONFIG.model_copy(
    update={
        "opening": tuple(
            OpeningWindow(weekday=day, opens=time(18, 30), closes=time(0, 30)) for day in range(6)
        )
    }
)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 in Paris; the 27th is a Friday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo("Europe/Paris"))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (at(27, 20, 52), "ouvert et prend les commandes jusqu'à zéro heure trente."),
        (at(27, 15), "fermé ; il prend les commandes à partir de dix-huit heures trente."),
        (
            at(29, 12),
            "fermé ; il prend les commandes à partir de demain à dix-huit heures trente.",
        ),
    ],
)
def test_the_hours_of_the_moment(now: datetime, said: str) -> None:
    assert said in situation(EVENINGS, now)


def test_after_midnight_it_is_another_day_of_the_same_service() -> None:
    assert situation(EVENINGS, at(28, 0, 10)) == (
        "Nous sommes le samedi vingt-huit novembre 2026, il est zéro heure dix. "
        "Le restaurant est ouvert et prend les commandes jusqu'à zéro heure trente."
    )


def test_windows_that_touch_at_midnight_are_one_evening() -> None:
    """The caller was told of a restaurant that closes at midnight, open until one."""
    week = tuple(
        OpeningWindow(weekday=day, opens=opens, closes=closes)
        for day in range(7)
        for opens, closes in ((time(18, 30), time()), (time(), time(1)))
    )
    told = situation(EVENINGS.model_copy(update={"opening": week}), at(27, 23))
    assert told.endswith("Le restaurant est ouvert et prend les commandes jusqu'à une heure.")


def test_a_restaurant_open_around_the_clock_closes_at_no_hour() -> None:
    told = situation(CONFIG, at(27, 23, 50))
    assert told.endswith("Le restaurant est ouvert et prend les commandes.")


def test_a_day_off_is_said_to_be_one() -> None:
    off = (OpeningException(date=date(2026, 11, 27)),)
    told = situation(EVENINGS.model_copy(update={"opening_exceptions": off}), at(27, 20))
    assert "exceptionnellement fermé" in told
    assert told.endswith(NO_ORDER)


@pytest.mark.parametrize(
    "status", [status for status in RestaurantStatus if status is not RestaurantStatus.LIVE]
)
def test_a_restaurant_that_is_not_live_takes_no_order(status: RestaurantStatus) -> None:
    told = situation(EVENINGS.model_copy(update={"status": status}), at(27, 20))
    assert "ne prend pas de commandes en ce moment" in told


def test_nothing_is_promised_of_a_restaurant_without_hours() -> None:
    told = situation(CONFIG.model_copy(update={"opening": ()}), at(27, 20))
    assert "partir" not in told
    assert told.endswith(NO_ORDER)
