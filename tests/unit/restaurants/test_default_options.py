"""What goes with a dish is taken unless the caller says otherwise, and is read back; allergens are
told from what was declared, and never as absent.
"""

import pytest

from controlplane.contracts.restaurant_config import Component, MenuItem, OptionGroup
from controlplane.models.menu import Allergen
from controlplane.restaurants.allergens import Contained, contains
from controlplane.restaurants.default_options import with_defaults
from tests.small_menu import CHEESES, CONFIG, EXTRAS, dish, option
from tests.unit.aiworker.one_order import Talk

pytestmark = pytest.mark.unit

SALAD, ONION = (
    option(name).model_copy(update={"by_default": True}) for name in ("salade", "oignon")
)
GARNISH = OptionGroup(
    id=SALAD.id,
    name="Crudités",
    min_select=0,
    max_select=3,
    options=(SALAD, ONION, option("olives", delta=50)),
)
KEBAB = dish("Kebab", 800, groups=(GARNISH, EXTRAS))


@pytest.mark.parametrize(
    ("asked", "has", "note"),
    [
        ([], ["salade", "oignon"], None),
        (["œuf"], ["œuf", "salade", "oignon"], None),
        (["sans oignon"], ["salade"], None),
        (["pas d'oignon", "sans salade"], [], None),
        (["sans crudités"], [], None),
        (["olives"], ["olives"], None),
        (["sans sel"], ["salade", "oignon"], "sans sel"),
        (["sans olives"], ["salade", "oignon"], "sans olives"),
    ],
)
async def test_defaults_are_taken_unless_said_otherwise(
    asked: list[str], has: list[str], note: str | None
) -> None:
    talk = Talk(CONFIG.model_copy(update={"menu": (KEBAB,)}))
    told = await talk.call("add_item", dish="kebab", options=asked)
    assert told["options"] == [*has, *filter(None, [note])]
    assert all(name in told["spoken"] for name in has)


async def test_a_change_leaves_out_what_the_caller_leaves_out() -> None:
    talk = Talk(CONFIG.model_copy(update={"menu": (KEBAB, CHEESES)}))
    await talk.call("add_item", dish="quatre fromages")
    told = await talk.call("change_item", line=1, new_dish="kebab")
    assert told["options"] == ["salade", "oignon"]
    told = await talk.call("change_item", line=1, options=["sans oignon"])
    assert told["options"] == ["salade"]
    assert (await talk.call("change_item", line=1, quantity=2))["options"] == ["salade"]
    assert (await talk.call("change_item", line=1, options=[]))["options"] == []


def test_a_default_that_is_sold_out_is_not_taken() -> None:
    gone = ONION.model_copy(update={"sold_out": True})
    group = GARNISH.model_copy(update={"options": (SALAD, gone)})
    item = KEBAB.model_copy(update={"option_groups": (group,)})
    assert with_defaults(item, []) == (SALAD,)


def declared(*allergens: Allergen) -> MenuItem:
    return KEBAB.model_copy(update={"allergens": tuple(allergens)})


MILK_DESSERT = option("tiramisu").model_copy(
    update={"component": Component(price_cents=500, vat_rate_bp=1_000, allergens=(Allergen.MILK,))}
)
UNDECLARED = option("cake").model_copy(
    update={"component": Component(price_cents=500, vat_rate_bp=1_000)}
)


@pytest.mark.parametrize(
    ("item", "options", "answer"),
    [
        (KEBAB, [], Contained.UNKNOWN),
        (declared(), [], Contained.NOT_DECLARED),
        (declared(Allergen.MILK), [], Contained.DECLARED),
        (declared(Allergen.EGGS), [], Contained.NOT_DECLARED),
        (declared(), [MILK_DESSERT], Contained.DECLARED),
        (KEBAB, [MILK_DESSERT], Contained.DECLARED),
        (declared(), [UNDECLARED], Contained.UNKNOWN),
        (declared(), [EXTRAS.options[1]], Contained.UNKNOWN),
    ],
)
def test_an_allergen_is_declared_or_not_or_unknown_and_never_absent(
    item: MenuItem, options: list[object], answer: Contained
) -> None:
    assert contains(item, Allergen.MILK, options) is answer  # type: ignore[arg-type]
