"""Every dish of every menu is ordered with every option through the tools, or asked about by names
that differ and then ordered: never another dish, another option or another price.
"""

import re
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiworker.tools.tool import Result
from controlplane.contracts.restaurant_config import MenuItem, Option, OptionGroup
from controlplane.restaurants.distinct_names import with_distinct_names
from controlplane.restaurants.menu_words import words_of
from tests.small_menu import CONFIG
from tests.unit.aiworker.one_order import Talk

pytestmark = pytest.mark.unit

DISHES = re.split(
    r"[|\n]",
    """Margherita|MARGHERITA|Pizza Margherita|Menu Margherita|Margherita (Pizzas)|Margherita n° 1
4 fromages|Quatre Fromages|Coca|Coca 33cl|Coca 33 cl|Coca 1,5 L|Coca 1 L|Coca 1L|Le Sud|Sud
Pâté|Pâtes|PATE|Royal|Royale|Royales|Menu A|Menu B|Menu|n° 12|Menu 12|12 nems|12|Le|Pizzas
Ste Maxime|Sainte-Maxime|🍕|寿司|1/2 poulet|Demi poulet|Pizza|Pizza sans gluten|Sans gluten
Margherita sans gluten|L'Italienne|Italien|Frite|Frites|Formule un|Formule 1|Eau|L'eau|Café
CAFE|Menus""",
)
OPTIONS = re.split(
    r"[|\n]",
    """crème|CRÈME|mozzarella|mozza|double mozzarella|2 mozzarella|fine|pâte fine|sans gluten
œuf|oeufs|sans oignon|oignon|ketchup|Ketchup|L|XL|33 cl|supplément crème|crème (Base)""",
)
CATEGORIES = ["Pizzas", "Menus", "Pizzas sans gluten", "Boissons", "Formules", "Cafés", ""]
GROUPS = ["Base", "Suppléments", "Sauce", "Pâte"]


def named(names: list[str], **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    name = st.sampled_from(names)
    return st.fixed_dictionaries(
        {
            "id": st.builds(uuid4),
            "name": name,
            "spoken_name": name | st.just(""),
            "aliases": st.lists(name, max_size=2),
            **fields,
        }
    )


@st.composite
def groups(draw: st.DrawFn) -> OptionGroup:
    options = draw(
        st.lists(
            named(OPTIONS, price_delta_cents=st.sampled_from([0, 50, 150, -100])),
            min_size=1,
            max_size=4,
        )
    )
    most = draw(st.integers(1, 3))
    return OptionGroup(
        id=uuid4(),
        name=draw(st.sampled_from(GROUPS)),
        min_select=draw(st.integers(0, most)),
        max_select=most,
        options=tuple(Option.model_validate(option) for option in options),
    )


ITEMS = named(
    DISHES,
    category=st.sampled_from(CATEGORIES),
    price_cents=st.sampled_from([0, 300, 950, 1250]),
    description=st.sampled_from(["", "tomate, mozzarella", "tomate, mozzarella, basilic" * 9]),
    vat_rate_bp=st.sampled_from([550, 1_000]),
    option_groups=st.lists(groups(), max_size=2),
)
MENUS = st.lists(ITEMS.map(MenuItem.model_validate), min_size=1, max_size=9)


def picks(item: MenuItem) -> Iterable[list[Option]]:
    """Every option with the fewest others that are needed, and twice where two are allowed."""
    needed = {g.id: [g.options[0]] * g.min_select for g in item.option_groups}
    yield [option for chosen in needed.values() for option in chosen]
    for group in item.option_groups:
        others = [o for g, chosen in needed.items() if g != group.id for o in chosen]
        for option in group.options:
            yield [*others, *[option] * max(1, group.min_select)]
            if group.max_select > 1:
                yield [*others, *[option] * group.max_select]


async def order(talk: Talk, item: MenuItem, dish: str, options: list[str]) -> Result:
    """Say what the menu says; where the tool asks which one, answer with its name of it."""
    result = await talk.call("add_item", dish=dish, options=options)
    if result["status"] == "ok":
        return result
    asked = result["suggestions"]
    assert result["error"] == "ambiguous_dish"
    assert item.name in asked
    assert len({words_of(name, accents=True) for name in asked}) == len(asked) > 1
    return await talk.call("add_item", dish=item.name, options=options)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MENUS)
async def test_every_dish_with_every_option(written: list[MenuItem]) -> None:
    menu = with_distinct_names(written)
    config = CONFIG.model_copy(update={"menu": menu})
    as_written = {item.id: item.name for item in written}
    for item in menu:
        for chosen in picks(item):
            talk = Talk(config)
            names = [option.name for option in chosen]
            result = await order(talk, item, as_written[item.id], names)
            assert result["status"] == "ok"
            (line,) = talk.context.cart.lines
            assert line.item_id == item.id
            assert sorted(o.id for o in line.options) == sorted(o.id for o in chosen)
            price = item.price_cents + sum(option.price_delta_cents for option in chosen)
            assert line.unit_price_cents == max(0, price) == result["total_cents"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MENUS)
async def test_an_option_as_it_is_written_is_that_option_or_asked_about(
    written: list[MenuItem],
) -> None:
    menu = with_distinct_names(written)
    as_written = {
        o.id: o.name for item in written for group in item.option_groups for o in group.options
    }
    for item in menu:
        free = [g.model_copy(update={"min_select": 0}) for g in item.option_groups]
        item = item.model_copy(update={"option_groups": tuple(free)})
        for group in free:
            for option in group.options:
                talk = Talk(CONFIG.model_copy(update={"menu": (item,)}))
                result = await talk.call(
                    "add_item", dish=item.name, options=[as_written[option.id]]
                )
                if result["status"] != "ok":
                    assert result["error"] == "ambiguous_option"
                    assert option.name in result["suggestions"]
                    result = await talk.call("add_item", dish=item.name, options=[option.name])
                assert [o.id for o in talk.context.cart.lines[0].options] == [option.id]


@given(MENUS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_names_differ_also_when_they_are_spoken(written: list[MenuItem]) -> None:
    menu = with_distinct_names(written)
    names = [item.name for item in menu]
    for said in (names, [item.spoken_name or item.name for item in menu]):
        assert len({words_of(name, accents=True) for name in said}) == len(menu)
    assert {item.id for item in menu} <= {item.id for item in written}
    told = {(item.name, item.category, item.price_cents, item.description) for item in written}
    kept = {item.id for item in menu}
    assert told == {
        (item.name, item.category, item.price_cents, item.description)
        for item in written
        if item.id in kept
    }
