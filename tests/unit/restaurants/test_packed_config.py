"""A config that was cached is the config, and what nobody cached is refused."""

import json

import pytest

from controlplane.contracts.restaurant_config import MenuItem, OptionGroup, RestaurantConfig
from controlplane.restaurants.packed_config import pack, unpack
from tests.small_menu import CONFIG
from tests.unit.restaurants.test_distinct_names import dish, group

pytestmark = pytest.mark.unit


def config(*menu: MenuItem) -> RestaurantConfig:
    return CONFIG.model_copy(update={"menu": menu})


def with_groups(name: str, *groups: OptionGroup) -> MenuItem:
    return dish(name, option_groups=groups)


SIZES = group("Taille", ("moyenne", 0), ("grande", 300))
EXTRAS = group("Suppléments", ("œuf", 100))
SAME_SIZES_ELSEWHERE = SIZES.model_copy(update={"min_select": 1})
"""The same group may differ from dish to dish, for all that its id says."""


@pytest.mark.parametrize(
    "menu",
    [
        (),
        (with_groups("Tiramisu"),),
        (with_groups("Reine", SIZES, EXTRAS), with_groups("Calzone", EXTRAS, SIZES)),
        (with_groups("Reine", SIZES), with_groups("Menu", SAME_SIZES_ELSEWHERE)),
    ],
)
def test_what_was_packed_is_unpacked(menu: tuple[MenuItem, ...]) -> None:
    cached = config(*menu)
    assert unpack(pack(cached)) == cached


def test_a_group_that_every_dish_has_is_written_once() -> None:
    packed = pack(config(*(with_groups(f"Pizza {n}", SIZES) for n in range(50))))
    assert packed.count(str(SIZES.id)) == 1


@pytest.mark.parametrize("places", [[[1]], [[0], [0]], [], [["x"]]])
def test_dishes_and_groups_that_do_not_fit_are_refused(places: object) -> None:
    packed = json.loads(pack(config(with_groups("Reine", SIZES)))) | {"groupsOfDishes": places}
    with pytest.raises(ValueError, match=r"."):
        unpack(json.dumps(packed))


def test_a_negative_place_is_no_other_groups() -> None:
    packed = json.loads(pack(config(with_groups("Reine", SIZES)))) | {"groupsOfDishes": [[-1]]}
    with pytest.raises(ValueError, match=r"."):
        unpack(json.dumps(packed))
