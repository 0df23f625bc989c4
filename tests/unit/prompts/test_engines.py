"""The engine is OpenAI's where there is a key, else espeak-ng where it is, else none."""

import pytest

from controlplane.errors import ConfigurationError
from controlplane.prompts import engines
from controlplane.prompts.engines import Engine, SpeechChoice, choose_engine

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("choice", "has_key", "espeak", "engine"),
    [
        ("auto", True, True, Engine.OPENAI),
        ("auto", False, True, Engine.ESPEAK_NG),
        ("auto", False, False, None),
        ("espeak-ng", True, True, Engine.ESPEAK_NG),
        ("off", True, True, None),
    ],
)
def test_which_one(
    choice: SpeechChoice,
    *,
    has_key: bool,
    espeak: bool,
    engine: Engine | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "synthesiser", lambda: ("espeak-ng",) if espeak else None)
    assert choose_engine(choice, has_key=has_key) == engine


@pytest.mark.parametrize("choice", ["openai", "espeak-ng"])
def test_one_that_is_asked_for_and_is_not_there_is_named(
    choice: SpeechChoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "synthesiser", lambda: None)
    with pytest.raises(ConfigurationError, match=f"ALLORESTO_SPEECH={choice} needs"):
        choose_engine(choice, has_key=False)
