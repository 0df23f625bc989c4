"""Text from a model keeps what was certainly meant, and nothing that cannot be stored or sent."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from controlplane.contracts.clean_text import CleanText, clean_json, clean_text

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("dirty", "meant"),
    [
        ("tiramis\0f9", "tiramisù"),
        ("\0e9", "é"),
        ("cr\0E8me br\0fbl\0e9e", "crème brûlée"),
        ("caf\x0000e9", "café"),
        ("b\x0153uf", "bœuf"),
        ("b\x000153uf", "bœuf"),
        ("l\x002019oignon", "l’oignon"),
        ("tiramis\\u00f9", "tiramisù"),
        ("\\u0000c9ric", "Éric"),
        ("n\0b0\0a012", "n°\xa012"),
        ("deux\0 pizzas", "deux pizzas"),
        ("\0", ""),
        ("tarte\0de", "tartede"),
        ("a\x07b\x1b[31mc\x7f\x85", "ab[31mc"),
        ("Martin\ud800", "Martin"),
        ("\ud83c\udf55 pizza", "🍕 pizza"),
        ("nom\u202e\u200b", "nom"),
        ("e\u0301te\u0301", "été"),
        ("sans oignon\nbien cuite\tmerci", "sans oignon\nbien cuite\tmerci"),
        ("C:\\u005c \\users", "C:\\u005c \\users"),
    ],
)
def test_what_is_certain_is_repaired_and_the_rest_dropped(dirty: str, meant: str) -> None:
    assert clean_text(dirty) == meant


@given(st.text(alphabet=st.characters(codec=None)) | st.text("\0\x01e9f9153\\u \ud83c\udf55é"))
def test_what_is_left_can_be_stored_and_sent(text: str) -> None:
    clean = clean_text(text)
    assert "\0" not in clean
    assert json.loads(json.dumps(clean, ensure_ascii=False).encode()) == clean


@given(
    st.text(st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_categories=["Cc", "Cf"]))
)
def test_text_without_fault_is_left_alone(text: str) -> None:
    assert clean_text(text) == text or "\\u" in text


def test_json_is_cleaned_at_every_depth() -> None:
    given = json.loads('{"not\\u0000e9": ["\\ud800", {"x": "\\u0000e0"}], "n": 3, "o": null}')
    assert clean_json(given) == {"noté": ["", {"x": "à"}], "n": 3, "o": None}


def test_a_field_is_cleaned_before_it_is_checked() -> None:
    field = TypeAdapter(CleanText)
    assert field.validate_python("\ud800tiramis\0f9") == "tiramisù"
    assert field.validate_json('"tiramis\\u0000f9"') == "tiramisù"
