"""Who goes on when the caller is heard over the assistant, against a clock that stands still."""

import pytest

from aiworker.conversation.interruption import (
    CERTAIN_MS,
    CLEARED_SECONDS,
    DECIDE_SECONDS,
    SPEECH_MS,
    Decision,
    Interruption,
    Meaning,
    Stage,
    answers_question,
    meaning,
)

pytestmark = pytest.mark.unit

BEGAN = 100.0
DECIDED = BEGAN + DECIDE_SECONDS


def interruption(
    *, awaits_cleared: bool = False, insisted: bool = False, needs_words: bool = False
) -> Interruption:
    return Interruption(
        began_at=BEGAN,
        unheard_ms=3_000,
        awaits_cleared=awaits_cleared,
        insisted=insisted,
        needs_words=needs_words,
    )


def decide(
    caller: Interruption, now: float, voiced_ms: int, *, silent_for: float = 0.0
) -> Decision | None:
    return caller.decide(now, voiced_ms=voiced_ms, last_voiced_at=now - silent_for)


def test_nothing_is_decided_before_half_a_second_on_little_evidence() -> None:
    assert decide(interruption(), DECIDED - 0.01, SPEECH_MS) is None


def test_half_a_second_of_speech_gives_the_caller_the_floor() -> None:
    caller = interruption()
    assert decide(caller, DECIDED, SPEECH_MS) is Decision.DROP
    assert caller.stage is Stage.DROPPED


def test_certain_speech_is_not_waited_for() -> None:
    assert decide(interruption(), BEGAN + 0.2, CERTAIN_MS) is Decision.DROP


@pytest.mark.parametrize("voiced_ms", [0, 40, 200, SPEECH_MS - 40])
def test_a_noise_or_a_short_word_lets_the_agent_go_on(voiced_ms: int) -> None:
    caller = interruption()
    assert decide(caller, DECIDED, voiced_ms) is Decision.RESUME
    assert caller.stage is Stage.RESUMED


def test_a_long_mmh_is_over_when_it_is_judged() -> None:
    caller = interruption()
    assert decide(caller, DECIDED, 480, silent_for=0.2) is Decision.RESUME


def test_between_two_words_it_is_too_early_to_say() -> None:
    caller = interruption()
    assert decide(caller, DECIDED, SPEECH_MS, silent_for=0.12) is None
    assert decide(caller, DECIDED + 0.08, SPEECH_MS + 40) is Decision.DROP


def test_what_was_heard_is_waited_for_but_not_for_ever() -> None:
    caller = interruption(awaits_cleared=True)
    assert decide(caller, BEGAN + CLEARED_SECONDS - 0.01, CERTAIN_MS) is None
    assert decide(caller, BEGAN + CLEARED_SECONDS, CERTAIN_MS) is Decision.DROP


def test_what_was_heard_decides_at_once_when_it_is_known() -> None:
    caller = interruption(awaits_cleared=True)
    caller.cleared()
    assert decide(caller, BEGAN + 0.05, CERTAIN_MS) is Decision.DROP


def test_speech_that_goes_on_after_a_false_alarm_interrupts_after_all() -> None:
    caller = interruption()
    decide(caller, DECIDED, 100)
    assert caller.evidence_since() == DECIDED
    assert decide(caller, DECIDED + 0.2, 160) is None
    assert decide(caller, DECIDED + 0.6, SPEECH_MS) is Decision.INSIST


def test_words_that_were_understood_need_no_loudness() -> None:
    assert decide(interruption(insisted=True), BEGAN, 0) is Decision.DROP


def test_on_a_noisy_line_only_words_interrupt() -> None:
    caller = interruption(needs_words=True)
    assert decide(caller, BEGAN + 0.2, CERTAIN_MS) is None
    assert decide(caller, DECIDED, CERTAIN_MS) is Decision.RESUME
    assert decide(caller, DECIDED + 1, CERTAIN_MS) is None
    assert decide(interruption(needs_words=True, insisted=True), BEGAN, 0) is Decision.DROP


def test_a_decision_is_made_once() -> None:
    caller = interruption()
    decide(caller, DECIDED, SPEECH_MS)
    assert decide(caller, DECIDED + 1, CERTAIN_MS) is None


@pytest.mark.parametrize(
    "words", ["Oui.", "D'accord", "Mmh", "allô ?", "OK, très bien", "Ah oui, d'accord !"]
)
def test_backchannels(words: str) -> None:
    assert meaning(words) is Meaning.BACKCHANNEL


@pytest.mark.parametrize(
    "words",
    [
        *("Non", "Stop !", "Attendez", "Oui mais sans oignons", "non merci", "un coca", "oui non"),
        *("لا", "停"),
    ],
)
def test_what_interrupts(words: str) -> None:
    assert meaning(words) is Meaning.SPEECH


@pytest.mark.parametrize("words", ["", "  ", "…", "?!"])
def test_no_words_mean_nothing(words: str) -> None:
    assert meaning(words) is Meaning.NOTHING


@pytest.mark.parametrize(
    ("text", "unheard_ms", "answers"),
    [
        ("C'est bien cela ?", 400, True),
        ("C'est bien cela ?", 4_000, False),
        ("C'est noté.", 400, False),
        ("", 0, False),
    ],
)
def test_a_yes_in_the_last_words_of_a_question_is_its_answer(
    text: str, unheard_ms: int, *, answers: bool
) -> None:
    assert answers_question(text, unheard_ms) is answers
