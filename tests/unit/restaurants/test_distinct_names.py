"""No two dishes of a menu, and no two options of a dish, are called the same."""

from uuid import uuid4

import pytest

from controlplane.contracts.restaurant_config import MenuItem, Option, OptionGroup
from controlplane.restaurants.distinct_names import with_distinct_names

pytestmark = pytest.mark.unit


def dish(name: str, category: str = "Pizzas", price: int = 900, **more: object) -> MenuItem:
    given = {
        "id": uuid4(),
        "name": name,
        "spoken_name": name,
        "category": category,
        "price_cents": price,
        "vat_rate_bp": 1_000,
    }
    return MenuItem.model_validate(given | more)


def group(name: str, *options: tuple[str, int]) -> OptionGroup:
    return OptionGroup(
        id=uuid4(),
        name=name,
        min_select=0,
        max_select=2,
        options=tuple(
            Option(id=uuid4(), name=said, spoken_name=said, price_delta_cents=delta)
            for said, delta in options
        ),
    )


def names(*menu: MenuItem) -> list[str]:
    return [item.name for item in with_distinct_names(menu)]


def test_a_menu_without_collision_is_left_alone() -> None:
    menu = (dish("Margherita"), dish("Reine"), dish("Pâté"), dish("Pâtes"))
    assert with_distinct_names(menu) == menu


def test_the_category_tells_them_apart_first() -> None:
    pizza, menu = with_distinct_names([dish("Margherita"), dish("Margherita", "Menus", 1_450)])
    assert (pizza.name, menu.name) == ("Margherita (Pizzas)", "Margherita (Menus)")
    assert pizza.spoken_name == "Margherita (Pizzas)"
    assert "Margherita" in pizza.aliases


@pytest.mark.parametrize(
    ("menu", "distinct"),
    [
        (
            [dish("Coca", "Boissons", 300), dish("Coca", "Boissons", 450)],
            ["Coca (3 euros)", "Coca (4 euros 50)"],
        ),
        (
            [dish("Plat du jour", description="bœuf"), dish("Plat du jour", description="lieu")],
            ["Plat du jour (bœuf)", "Plat du jour (lieu)"],
        ),
        (
            [dish("Coca", "Menus", 300), dish("Coca", "Bar", 300), dish("Coca", "Bar", 400)],
            ["Coca (Menus, 3 euros)", "Coca (Bar, 3 euros)", "Coca (Bar, 4 euros)"],
        ),
        (
            [dish("Nems", vat_rate_bp=1_000), dish("Nems", vat_rate_bp=550)],
            ["Nems n° 1", "Nems n° 2"],
        ),
        (
            [dish("4 fromages"), dish("Quatre fromages", "Burgers")],
            ["4 fromages (Pizzas)", "Quatre fromages (Burgers)"],
        ),
        (
            [dish("Royale"), dish("Royal", "Burgers"), dish("Royale (Pizzas)")],
            ["Royale (Pizzas, 9 euros)", "Royal (Burgers, 9 euros)", "Royale (Pizzas)"],
        ),
    ],
)
def test_then_price_description_and_numbers(menu: list[MenuItem], distinct: list[str]) -> None:
    assert names(*menu) == distinct


def test_what_nobody_could_tell_apart_is_one_dish() -> None:
    first, second = dish("Margherita", sold_out=True), dish("Margherita")
    (one,) = with_distinct_names([first, second])
    assert (one.id, one.sold_out) == (first.id, False)
    assert with_distinct_names([second, first]) == (second,)
    both_gone = second.model_copy(update={"sold_out": True})
    assert with_distinct_names([first, both_gone]) == (first,)


def test_a_spoken_name_of_two_dishes_is_given_up() -> None:
    menu = [dish("Coca 33 cl", spoken_name="Coca"), dish("Coca 1,5 L", spoken_name="Coca")]
    assert [item.spoken_name for item in with_distinct_names(menu)] == ["Coca 33 cl", "Coca 1,5 L"]


def test_options_of_two_groups_and_of_one() -> None:
    groups = (
        group("Base", ("crème", 0), ("tomate", 0)),
        group("Suppléments", ("crème", 100), ("œuf", 100), ("œuf", 150), ("œuf", 150)),
    )
    (item,) = with_distinct_names([dish("Reine", option_groups=groups)])
    assert [[option.name for option in group.options] for group in item.option_groups] == [
        ["crème (Base)", "tomate"],
        ["crème (Suppléments)", "œuf (1 euro)", "œuf (1 euro 50)"],
    ]
