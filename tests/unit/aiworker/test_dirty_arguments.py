"""A model's text is dirty at times: no tool, and no order, is lost by it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiworker.tools.toolbox import TOOLS, run_tool
from tests.unit.aiworker.one_order import Talk, confirmed

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("dirty", "name"),
    [
        ("Andr\\u0000e9", "André"),
        ("Andr\0e9", "André"),
        ("Andr\\\\u00e9", "André"),
        ("Martin\\u0000", "Martin"),
        ("Martin\\ud83d", "Martin"),
        ("  Martin\\n", "Martin"),
        ("Mar\x1btin", "Martin"),
    ],
)
async def test_an_order_is_placed_with_the_name_meant(dirty: str, name: str) -> None:
    talk = await confirmed(Talk())
    arguments = (
        f'{{"customer_name": "{dirty}", "note": "{dirty}", "phone": "06\\u0000 39 98 01 24"}}'
    )
    result = await run_tool(talk.context, "place_order", arguments)
    assert result["status"] == "placed"
    (draft,) = talk.orders.drafts
    assert (draft.customer_name, draft.note) == (name, name)
    assert draft.customer_phone_e164 == "+33639980124"


@pytest.mark.parametrize("name", ["\\u0000", " ", ""])
async def test_a_name_of_nothing_is_no_name(name: str) -> None:
    talk = await confirmed(Talk())
    await run_tool(talk.context, "place_order", f'{{"customer_name": "{name}"}}')
    assert not talk.orders.drafts[0].customer_name


@pytest.mark.parametrize(
    "arguments",
    [
        {"dish": "Margh\0erita", "options": ["fi\0ne"]},
        {"dish": "margherita", "options": ["fine\u200b", "\x0153uf"]},
    ],
)
async def test_dishes_and_options_too(arguments: dict[str, Any]) -> None:
    result = await Talk().call("add_item", **arguments)
    assert result["name"] == "Margherita"


@pytest.mark.parametrize(
    "arguments",
    [
        '{"dish": NaN}',
        '{"dish": "coca", "quantity": NaN}',
        '{"dish": "coca", "quantity": 1e999}',
        '{"dish": "coca", "quantity": ' + "9" * 5_000 + "}",
        '{"dish": ["coca"]}',
        '{"dish": {"name": "coca"}}',
        '{"dish": "coca", "options": "fine"}',
        '{"dish": "coca", "options": [["fine"]]}',
        '{"dish": "' + "coca" * 10_000 + '"}',
        '{"' + "x" * 9_000 + '": 1}',
        "{" + ",".join(f'"\\ud800{at}": 1' for at in range(700)) + "}",
        '{"dish": ' + "[" * 4_000,
        "add_item(coca)",
        "\0",
    ],
)
async def test_what_is_no_argument_is_told_shortly(arguments: str) -> None:
    talk = Talk()
    result = await run_tool(talk.context, "add_item", arguments)
    assert result["status"] == "error"
    assert len(json.dumps(result, ensure_ascii=False).encode()) < 2_000
    assert talk.context.cart.lines == ()


ANY_TEXT = st.text(st.characters(codec=None), max_size=300)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
)
FIELDS = sorted({name for tool in TOOLS.values() for name in tool.arguments.model_fields})


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(list(TOOLS)),
    ANY_TEXT
    | ANY_JSON.map(json.dumps)
    | st.dictionaries(st.sampled_from(FIELDS), ANY_JSON, max_size=4).map(json.dumps),
)
async def test_whatever_a_model_writes_has_an_answer_that_can_be_sent(
    name: str, arguments: str
) -> None:
    result = await run_tool(Talk().context, name, arguments)
    sent = json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
    assert len(sent) < 20_000
