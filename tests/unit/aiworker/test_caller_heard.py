"""Noise is no turn, whoever asks to wait is waited for, and a turn without its end is answered."""

import pytest

from aiworker.conversation import silence
from aiworker.conversation.caller_words import HOLD_SECONDS
from tests.unit.aiworker.heard_call import HeardCall

pytestmark = pytest.mark.unit

CREDIT = "Sous-titrage Société Radio-Canada"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> HeardCall:
    return HeardCall(monkeypatch)


def noise(heard: HeardCall, *, seconds: float) -> None:
    """A 900 ms burst every 3 s."""
    until = heard.now + seconds
    while heard.now < until and not heard.hung_up:
        heard.sound(900)
        heard.quiet(2.1)


# --- Frames that stop in the middle of a turn ----------------------------------------------------


@pytest.mark.parametrize("spoken_ms", [200, 800, 3_000])
def test_a_turn_whose_frames_stop_is_closed_and_answered(heard: HeardCall, spoken_ms: int) -> None:
    """Before, nothing was answered in 30 s."""
    heard.sound(spoken_ms)
    stopped_at = heard.now
    heard.no_frames(3)
    assert [round(at - stopped_at, 1) <= 1.1 for at in heard.turns_ended_at] == [True]
    assert [round(at - stopped_at, 1) <= 1.8 for at in heard.answered_at] == [True]


def test_a_caller_whose_frames_stop_while_they_are_silent_is_sent_nothing(
    heard: HeardCall,
) -> None:
    heard.quiet(1)
    heard.no_frames(3)
    assert heard.turns_ended_at == heard.answered_at == []


def test_frames_that_come_back_go_on_as_before(heard: HeardCall) -> None:
    heard.sound(800)
    heard.no_frames(5)
    heard.quiet(1)
    heard.sound(800)
    heard.quiet(3)
    assert len(heard.answered_at) == 2


def test_a_gap_inside_a_word_ends_no_turn(heard: HeardCall) -> None:
    heard.sound(800)
    heard.no_frames(0.32)
    heard.sound(800)
    heard.quiet(2)
    assert len(heard.turns_ended_at) == 1


# --- Noise without words -------------------------------------------------------------------------


@pytest.mark.parametrize("transcript", ["", CREDIT, "[Musique]", "Merci."])
def test_noise_for_ever_is_taken_leave_of_after_a_few_answers(
    heard: HeardCall, transcript: str
) -> None:
    """Before, 75 s of it were answered 25 times, and the call went on."""
    heard.transcripts = lambda: transcript
    began = heard.now
    noise(heard, seconds=75)
    assert heard.hung_up
    assert heard.now - began < 50
    assert len(heard.answered_at) <= 7
    assert silence.NOISY in heard.session.told
    assert heard.session.told[-1] == silence.NOISY_GOODBYE


def test_who_speaks_through_the_noise_is_answered(heard: HeardCall) -> None:
    heard.transcripts = lambda: ""
    noise(heard, seconds=12)
    answers = len(heard.answered_at)
    heard.quiet(3)
    heard.transcripts = lambda: "Deux reines"
    heard.sound(1_200)
    heard.quiet(2)
    assert len(heard.answered_at) == answers + 1
    heard.sound(1_200)
    heard.quiet(2)
    assert len(heard.answered_at) == answers + 2
    assert not heard.hung_up


@pytest.mark.parametrize("transcript", ["Une reine", None])
def test_a_caller_is_never_hung_up_on_for_want_of_transcripts(
    heard: HeardCall, transcript: str | None
) -> None:
    heard.transcripts = lambda: transcript
    for _ in range(12):
        heard.sound(900)
        heard.quiet(4.1)
    assert len(heard.answered_at) == 12
    assert not heard.hung_up


def test_on_a_noisy_line_the_assistant_says_all_it_has_to_say(heard: HeardCall) -> None:
    heard.transcripts = lambda: ""
    noise(heard, seconds=9)
    heard.quiet(1)
    heard.answer_ms, said = 3_000, heard.spoken_ms
    heard.call.conversation.instruct("Rappelle la commande.")
    heard.quiet(1)
    heard.sound(900)
    heard.quiet(6)
    assert heard.spoken_ms - said >= 3_000


# --- Words that nobody said ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "transcript", [CREDIT, "Merci d'avoir regardé cette vidéo !", "ご視聴ありがとうございました"]
)
def test_a_mmh_that_is_transcribed_as_a_credit_does_not_interrupt(
    heard: HeardCall, transcript: str
) -> None:
    """Before, the assistant was cut at 980 of 3,000 ms."""
    heard.answer_ms = 3_000
    heard.sound(800)
    heard.quiet(1.6)
    heard.transcripts = lambda: transcript
    heard.sound(280)
    heard.quiet(6)
    assert heard.spoken_ms >= 3_000
    assert not heard.cut()
    assert len(heard.answered_at) == 1


@pytest.mark.parametrize(("silence_ms", "transcribed_s"), [(500, 1.5), (500, 0.4), (200, 0.0)])
def test_a_no_that_is_as_short_does(
    monkeypatch: pytest.MonkeyPatch, silence_ms: int, transcribed_s: float
) -> None:
    """Also when its words are known before half a second has decided that it was a noise."""
    heard = HeardCall(monkeypatch, silence_ms=silence_ms, transcribed_s=transcribed_s)
    heard.answer_ms = 3_000
    heard.sound(800)
    heard.quiet(1.6)
    heard.transcripts = lambda: "Non !"
    heard.sound(200)
    heard.quiet(4)
    assert heard.cut()
    assert len(heard.answered_at) == 2


def test_what_nobody_said_is_on_no_record(heard: HeardCall) -> None:
    heard.transcripts = lambda: CREDIT
    heard.sound(800)
    heard.quiet(3)
    heard.call.finish()
    assert not any("Sous-titrage" in event.to_json() for event in heard.call_events)


# --- Who asks us to wait -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", ["Ne quittez pas.", "Un instant…", "Attendez, je demande à ma femme."]
)
def test_who_asks_us_to_wait_is_waited_for_a_minute(heard: HeardCall, words: str) -> None:
    heard.transcripts = lambda: words
    heard.sound(900)
    heard.quiet(HOLD_SECONDS)
    assert len(heard.answered_at) == 1
    assert heard.session.told == []
    heard.quiet(30)
    assert heard.session.told == [silence.CHECK_IN, silence.LAST_CHECK_IN, silence.GOODBYE]
    assert heard.hung_up


def test_music_on_hold_is_neither_answered_nor_hung_up_on(heard: HeardCall) -> None:
    heard.transcripts = lambda: "Un instant, s'il vous plaît"
    heard.sound(900)
    heard.quiet(4)
    heard.transcripts = lambda: "♪ ♪"
    for _ in range(10):
        heard.sound(4_000)
        heard.quiet(1)
    assert len(heard.answered_at) == 1
    assert not heard.hung_up
    heard.transcripts = lambda: "Oui, me revoilà"
    heard.sound(900)
    heard.quiet(2)
    assert len(heard.answered_at) == 2


def test_who_says_wait_to_the_goodbye_is_not_hung_up_on(heard: HeardCall) -> None:
    heard.sound(800)
    heard.quiet(1)
    heard.says("Merci, au revoir !", ms=1_500, tool="hang_up")
    heard.use_tool()
    heard.transcripts = lambda: "Attendez !"
    heard.sound(700)
    heard.quiet(20)
    assert not heard.hung_up


def test_who_does_not_ask_is_asked_whether_they_are_there(heard: HeardCall) -> None:
    heard.sound(900)
    heard.quiet(12)
    assert heard.session.told == [silence.CHECK_IN]


def test_who_comes_in_five_minutes_and_says_goodbye_is_hung_up_on(heard: HeardCall) -> None:
    """ "Cinq minutes" was taken for a request to wait, and the goodbye was taken back."""
    heard.transcripts = lambda: "J'arrive dans cinq minutes, au revoir !"
    heard.answer = lambda: heard.says("Au revoir !", tool="hang_up")  # type: ignore[method-assign]
    heard.sound(1_200)
    heard.quiet(1.5)
    heard.use_tool()
    heard.quiet(3)
    assert heard.hung_up
