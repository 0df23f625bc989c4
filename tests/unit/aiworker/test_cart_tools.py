"""The tools as the model calls them: JSON in, short JSON out, and nothing it must not decide."""

import json

import pytest

from aiworker.tools.toolbox import TOOLS, run_tool, tool_schemas
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.restaurants.errors import (
    DishSoldOut,
    OrderNotCommitted,
    OrderUnsettled,
    PriceChanged,
)
from tests.small_menu import CHEESES, COLA, CONFIG
from tests.unit.aiworker.one_order import Talk, confirmed

pytestmark = pytest.mark.unit


@pytest.fixture
def talk() -> Talk:
    return Talk()


# --- What the model is told and may send ---------------------------------------------------------


def test_no_tool_takes_a_price() -> None:
    schemas = json.dumps(tool_schemas())
    assert "price" not in schemas
    assert [schema["name"] for schema in tool_schemas()] == list(TOOLS)
    assert all(s["parameters"]["additionalProperties"] is False for s in tool_schemas())


async def test_a_price_is_refused_and_explained(talk: Talk) -> None:
    result = await talk.call("add_item", dish="coca", price_cents=1)
    assert result["error"] == "invalid_arguments"
    assert "les prix viennent de la carte" in result["problems"][0]
    assert talk.context.cart.lines == ()


@pytest.mark.parametrize(
    "arguments",
    ['{"dish": "marg', "[1]", "null", '"coca"', "[" * 100_000, '{"dish": null}', '{"dish": 3}'],
)
async def test_arguments_that_cannot_be_read_are_asked_for_again(
    talk: Talk, arguments: str
) -> None:
    result = await run_tool(talk.context, "add_item", arguments)
    assert result["status"] == "error"
    assert result["error"] in {"malformed_arguments", "invalid_arguments"}


@pytest.mark.parametrize("quantity", [0, -1, 21, 2.5, "beaucoup"])
async def test_quantities_are_checked(talk: Talk, quantity: object) -> None:
    assert (await talk.call("add_item", dish="coca", quantity=quantity))["status"] == "error"


async def test_a_tool_that_does_not_exist(talk: Talk) -> None:
    assert (await talk.call("give_discount"))["error"] == "unknown_tool"


# --- The menu ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("margherita", "Margherita"),
        ("une marguerite", "Margherita"),
        ("la pizza quatre fromage", "Quatre fromages"),
        ("QUATRE FROMAGES", "Quatre fromages"),
        ("coca", "Coca-Cola 33 cl"),
        ("un coca zero", "Coca-Cola Zéro 33 cl"),
        ("de l'eau", "Eau plate"),
    ],
)
async def test_dishes_by_the_callers_words(talk: Talk, said: str, name: str) -> None:
    result = await talk.call("look_up_menu", query=said)
    assert [item["name"] for item in result["items"]] == [name]


async def test_a_dish_that_is_not_on_the_menu_comes_with_suggestions(talk: Talk) -> None:
    result = await talk.call("add_item", dish="margarita royale")
    assert result["error"] == "unknown_dish"
    assert (await talk.call("add_item", dish="margharita"))["suggestions"] == ["Margherita"]
    assert (await talk.call("add_item", dish="blanquette"))["suggestions"] == []


async def test_an_option_the_dish_does_not_have(talk: Talk) -> None:
    result = await talk.call("add_item", dish="margherita", options=["fine", "truffe"])
    assert result["error"] == "unknown_option"
    assert "mozzarella" in result["suggestions"]
    assert "sans gluten" not in result["suggestions"], "sold out"


async def test_a_category_is_read_with_its_prices(talk: Talk) -> None:
    result = await talk.call("look_up_menu", query="les pizzas")
    assert [item["name"] for item in result["items"]] == ["Margherita", "Quatre fromages"]
    assert "Margherita à neuf euros cinquante" in result["spoken"]


# --- The cart ------------------------------------------------------------------------------------


async def test_the_model_is_told_the_line_and_the_total(talk: Talk) -> None:
    result = await talk.call("add_item", dish="coca", quantity=2)
    assert result == {
        "status": "ok",
        "line": 1,
        "name": "Coca-Cola 33 cl",
        "quantity": 2,
        "options": [],
        "cart_revision": 1,
        "total_cents": 600,
        "spoken": "C'est noté : deux Coca-Cola 33 cl. Total : six euros.",
    }
    assert talk.saved == 1


async def test_a_line_changes_by_its_number_or_its_dish(talk: Talk) -> None:
    await talk.call("add_item", dish="margherita", options=["fine", "œuf"])
    assert (await talk.call("change_item", line=1, quantity=3))["options"] == ["fine", "œuf"]
    result = await talk.call("change_item", dish="margherita", options=["épaisse"])
    assert (result["quantity"], result["options"]) == (3, ["épaisse"])
    result = await talk.call("change_item", line=1, new_dish="quatre fromages")
    assert (result["name"], result["options"]) == ("Quatre fromages", [])


async def test_a_dish_on_two_lines_is_asked_about(talk: Talk) -> None:
    await talk.call("add_item", dish="margherita", options=["fine"])
    await talk.call("add_item", dish="margherita", options=["épaisse"])
    result = await talk.call("remove_item", dish="margherita")
    assert result["error"] == "ambiguous_line"
    assert [line["line"] for line in result["lines"]] == [1, 2]
    assert (await talk.call("remove_item", line=2))["total_cents"] == 950


# --- The order -----------------------------------------------------------------------------------


async def test_an_order_read_back_heard_and_confirmed_is_placed(talk: Talk) -> None:
    result = await (await confirmed(talk)).call("place_order", customer_name="Martin")
    assert (result["status"], result["order_number"], result["total_cents"]) == ("placed", 1, 2_500)
    assert result["spoken"] == (
        "Votre commande numéro un est enregistrée. "
        "Elle sera prête à dix-neuf heures quarante-cinq, pour vingt-cinq euros."
    )
    (draft,) = talk.orders.drafts
    assert draft.idempotency_key.startswith(f"{talk.context.call_id}:1:")
    assert draft.customer_phone_e164 == "+33639980123"


async def test_an_allergy_is_no_note(talk: Talk) -> None:
    await (await confirmed(talk)).call("place_order", allergy=" arachide ")
    (draft,) = talk.orders.drafts
    assert (draft.allergy, draft.note) == ("arachide", "")


async def test_a_price_that_changed_meanwhile_is_told_and_read_back_again(talk: Talk) -> None:
    """1 the order is confirmed at 25 €, 2 the price was raised, 3 it is read back at 26 €."""
    await confirmed(talk)
    dearer = CHEESES.model_copy(update={"price_cents": 1_300})
    talk.newer = CONFIG.model_copy(update={"menu": (dearer, COLA)})
    talk.orders.failure = PriceChanged("Quatre fromages", 1_300)
    result = await talk.call("place_order")
    assert result["error"] == "price_changed"
    assert "c'est maintenant treize euros" in result["spoken"]
    talk.orders.failure = None
    assert (await talk.call("place_order"))["error"] == "read_back_needed"
    assert (await talk.call("read_back"))["total_cents"] == 2_600
    talk.read_back_heard()
    assert (await talk.call("place_order"))["total_cents"] == 2_600


async def test_a_dish_sold_out_meanwhile_is_the_caller_s_to_change(talk: Talk) -> None:
    await talk.call("add_item", dish="coca")
    await confirmed(talk)
    gone = CHEESES.model_copy(update={"sold_out": True})
    talk.newer = CONFIG.model_copy(update={"menu": (gone, COLA)})
    talk.orders.failure = DishSoldOut(CHEESES)
    result = await talk.call("place_order")
    assert (result["error"], result["spoken"]) == (
        "sold_out",
        "Quatre fromages n'est plus disponible.",
    )
    assert (await talk.call("add_item", dish="quatre fromages"))["error"] == "sold_out"
    talk.orders.failure = None
    await talk.call("remove_item", dish="quatre fromages")
    assert (await talk.call("read_back"))["total_cents"] == 300


async def test_nobody_confirms_an_order_in_vain(talk: Talk) -> None:
    """1 the restaurant is closed, 2 the read-back already says so, 3 it opened meanwhile."""
    talk.newer = CONFIG.model_copy(update={"opening": ()})
    talk.context.config = talk.newer
    await talk.call("add_item", dish="coca")
    assert (await talk.call("read_back"))["error"] == "closed"
    talk.newer = CONFIG.model_copy(update={"status": RestaurantStatus.PAUSED})
    assert (await talk.call("read_back"))["error"] == "not_taking_orders"
    talk.newer = CONFIG
    assert (await talk.call("read_back"))["status"] == "ok"


async def test_a_cart_that_was_lost_and_taken_again_has_a_key_of_its_own(talk: Talk) -> None:
    """The revision is the same: 1 two pizzas are placed, 2 another worker, which knows of no cart,
    takes another order of the same call.
    """
    other = Talk()
    other.context.call_id = talk.context.call_id
    await (await confirmed(talk)).call("place_order")
    await other.call("add_item", dish="coca", quantity=2)
    await other.call("read_back")
    other.read_back_heard()
    await other.call("place_order")
    (placed,), (taken_again,) = talk.orders.drafts, other.orders.drafts
    assert placed.idempotency_key.rpartition(":")[0] == f"{talk.context.call_id}:1"
    assert taken_again.idempotency_key.rpartition(":")[0] == f"{talk.context.call_id}:1"
    assert placed.idempotency_key != taken_again.idempotency_key


async def test_nothing_is_placed_that_was_not_read_back(talk: Talk) -> None:
    assert (await talk.call("place_order"))["error"] == "cart_empty"
    await talk.call("add_item", dish="coca")
    assert (await talk.call("place_order"))["error"] == "read_back_needed"
    assert talk.orders.drafts == []


async def test_a_change_after_the_read_back_needs_another(talk: Talk) -> None:
    await confirmed(talk)
    await talk.call("add_item", dish="coca")
    assert (await talk.call("place_order"))["error"] == "read_back_needed"


async def test_a_read_back_that_was_hardly_heard_does_not_count(talk: Talk) -> None:
    await talk.call("add_item", dish="coca")
    await talk.call("read_back")
    talk.read_back_heard(heard_ms=400)
    assert (await talk.call("place_order"))["error"] == "read_back_needed"


async def test_a_read_back_nobody_answered_is_not_a_confirmation(talk: Talk) -> None:
    await talk.call("add_item", dish="coca")
    await talk.call("read_back")
    talk.read_back_heard(answered=False)
    assert (await talk.call("place_order"))["error"] == "confirmation_needed"


async def test_placing_twice_is_the_same_order(talk: Talk) -> None:
    first = await (await confirmed(talk)).call("place_order")
    assert await talk.call("place_order") == first
    assert len(talk.orders.drafts) == 1


async def test_an_order_that_could_not_be_placed_is_still_in_the_cart(talk: Talk) -> None:
    await confirmed(talk)
    talk.orders.failure = OrderNotCommitted
    result = await talk.call("place_order")
    assert result["error"] == "orders_unavailable"
    assert "La commande n'est pas passée" in result["next"]
    talk.orders.failure = None
    assert (await talk.call("place_order"))["status"] == "placed"


@pytest.mark.parametrize(
    ("number", "promise"),
    [
        ("+33639980123", "le restaurant vous rappelle pour vous le confirmer."),
        (None, "Je vous passe le restaurant, qui vous le confirmera."),
    ],
)
async def test_an_order_nobody_knows_of_is_neither_placed_nor_not(
    talk: Talk, number: str | None, promise: str
) -> None:
    """The cart is done with: it is not placed a second time, and another order can be taken."""
    talk.context.caller_number = number
    await confirmed(talk)
    talk.orders.failure = OrderUnsettled
    result = await talk.call("place_order")
    assert result["error"] == "order_unsettled"
    assert result["spoken"].startswith("Je n'ai pas pu vérifier que la commande est bien enreg")
    assert result["spoken"].endswith(promise)
    assert "pas passée" not in str(result)
    talk.orders.failure = None
    assert (await talk.call("place_order"))["error"] == "order_unsettled"
    assert talk.orders.drafts == []
    assert (await (await confirmed(talk)).call("place_order"))["status"] == "placed"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("06 39 98 01 24", "+33639980124"),
        ("0692 12 34 56", "+262692123456"),
        ("+32 2 555 12 12", "+3225551212"),
    ],
)
async def test_another_number_is_checked(talk: Talk, given: str, kept: str) -> None:
    await (await confirmed(talk)).call("place_order", phone=given)
    assert talk.orders.drafts[0].customer_phone_e164 == kept


async def test_a_number_that_is_none_is_asked_for_again(talk: Talk) -> None:
    await confirmed(talk)
    assert (await talk.call("place_order", phone="12"))["error"] == "invalid_phone"
    assert talk.orders.drafts == []


async def test_the_outcome_of_a_call_is_what_was_done(talk: Talk) -> None:
    await talk.call("hang_up")
    before = talk.context.ending.outcome
    await (await confirmed(talk)).call("place_order")
    await talk.call("hang_up")
    assert (before, talk.context.ending.outcome) == (CallOutcome.INFORMATION, CallOutcome.ORDER)


async def test_a_transfer_has_a_reason_of_ours(talk: Talk) -> None:
    await talk.call("transfer_to_human", reason="allergy")
    assert talk.context.ending.transfer_reason == "allergy"
    assert (await talk.call("transfer_to_human", reason="because"))["status"] == "error"
