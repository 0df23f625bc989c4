"""A kitchen that has more to make says a later time, between the least and the most it takes."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aiworker.prompts.situation import situation
from controlplane.contracts.opening import Busy, BusyLevel, KitchenPace, KitchenUnit, OpenOrder
from controlplane.restaurants.kitchen_load import preparation_minutes, units_of
from controlplane.restaurants.what_happens import calendar_of, what_happens
from tests.small_menu import CONFIG
from tests.unit.restaurants.test_what_happens import PICKUP

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 27, 20, tzinfo=ZoneInfo("Europe/Paris"))
PACE = KitchenPace(least_minutes=20, most_minutes=60, seconds_per_unit=90)


def orders(*units: int, ready_in_min: int = 15) -> tuple[OpenOrder, ...]:
    ready_at = NOW + timedelta(minutes=ready_in_min)
    return tuple(OpenOrder(ready_at=ready_at, units=of_it) for of_it in units)


@pytest.mark.parametrize(
    ("open_orders", "minutes"),
    [
        ((), 20),
        (orders(4, 9), 20),  # 19.5
        (orders(10, 5), 23),  # 22.5: whole minutes, never too early
        (orders(500), 60),
        (orders(30, ready_in_min=0), 20),
    ],
)
def test_it_takes_so_long(open_orders: tuple[OpenOrder, ...], minutes: int) -> None:
    assert preparation_minutes(PACE, open_orders, NOW) == minutes
    assert preparation_minutes(KitchenPace(least_minutes=12), open_orders, NOW) == 12


OPEN_ORDERS = st.lists(
    st.builds(
        lambda minutes, units: OpenOrder(ready_at=NOW + timedelta(minutes=minutes), units=units),
        st.integers(-200, 200),
        st.integers(0, 60),
    ),
    max_size=20,
)
PACES = st.builds(
    lambda least, more, seconds: KitchenPace(
        least_minutes=least, most_minutes=least + more, seconds_per_unit=seconds
    ),
    st.integers(1, 120),
    st.integers(0, 120),
    st.integers(0, 3_600),
)


@given(PACES, OPEN_ORDERS, OPEN_ORDERS)
def test_more_to_make_is_never_ready_earlier(
    pace: KitchenPace, some: list[OpenOrder], more: list[OpenOrder]
) -> None:
    minutes = preparation_minutes(pace, some, NOW)
    assert pace.least_minutes <= minutes <= preparation_minutes(pace, [*more, *some], NOW)
    assert preparation_minutes(pace, [*more, *some], NOW) <= pace.most_minutes


def test_the_load_is_in_what_happens_beside_what_the_kitchen_says() -> None:
    busy = Busy(level=BusyLevel.BUSY, delay_minutes=10)
    config = CONFIG.model_copy(update={"kitchen": PACE, "open_orders": orders(20), "busy": busy})
    answer = what_happens(calendar_of(config), PICKUP, NOW)
    assert (answer.preparation_minutes, answer.ready_at) == (40, NOW + timedelta(minutes=40))
    later = what_happens(calendar_of(config), PICKUP, NOW + timedelta(hours=1))
    assert later.preparation_minutes == 30
    loaded = config.model_copy(update={"busy": Busy()})
    assert "annonce environ trente minutes" in situation(loaded, NOW)
    assert "annonce" not in situation(CONFIG, NOW)


def test_a_kitchen_counts_points_or_orders() -> None:
    assert units_of(PACE, 7) == 7
    assert units_of(PACE.model_copy(update={"unit": KitchenUnit.ORDERS}), 7) == 1
    with pytest.raises(ValidationError):
        KitchenPace(least_minutes=30, most_minutes=20)
