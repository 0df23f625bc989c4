"""Whatever a restaurant writes, its greeting says that an AI speaks (AI Act, art. 50)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.contracts.prompts import AI_DISCLOSURE, PromptKind, prompt_text

pytestmark = pytest.mark.unit


@given(st.text(max_size=80))
def test_a_greeting_ends_by_saying_so_in_whole(sentence: str) -> None:
    assert prompt_text(PromptKind.GREETING, sentence).endswith(f" {AI_DISCLOSURE}")
    assert "une intelligence artificielle" in AI_DISCLOSURE


def test_the_other_prompts_are_the_restaurant_s_words_alone() -> None:
    assert prompt_text(PromptKind.BUSY, "Un instant.") == "Un instant."
