"""The small pure parts of a call hold: silences, words heard, frames."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiworker.conversation import silence
from aiworker.conversation.read_back_heard import ReadBackHeard
from aiworker.conversation.silence import SilencePolicy
from aiworker.conversation.transcript import TAIL_TURNS, Transcript, heard_text
from aiworker.media.frames import (
    MediaFrameError,
    assistant_l16,
    caller_pcmu,
    loudness,
    stream_audio,
)
from aiworker.media.voice_activity import VoiceActivity
from aiworker.realtime.errors import RealtimeUnavailable
from aiworker.realtime.events import (
    AudioFormat,
    AudioSide,
    SessionAudio,
    SessionState,
    SessionUpdated,
)
from aiworker.realtime.session import PCMU, check_formats, session_config
from aiworker.settings import WorkerSettings
from aiworker.tools.toolbox import tool_schemas
from controlplane.contracts.messages import AudioChunk
from tests.small_menu import CONFIG

pytestmark = pytest.mark.unit


# --- Silences ------------------------------------------------------------------------------------


def test_a_caller_who_never_spoke_is_invited_then_asked_then_left() -> None:
    policy = SilencePolicy()
    assert policy.due(3.9) is None
    assert policy.due(4.0) == silence.INVITE
    assert policy.due(7.9) is None
    assert [policy.due(8.0), policy.due(8.0)] == [silence.CHECK_IN, silence.GOODBYE]


def test_a_caller_who_falls_silent_is_asked_twice() -> None:
    policy = SilencePolicy()
    policy.caller_spoke()
    assert policy.due(7.9) is None
    steps = [policy.due(8.0) for _ in range(3)]
    assert steps == [silence.CHECK_IN, silence.LAST_CHECK_IN, silence.GOODBYE]


def test_speaking_again_begins_anew() -> None:
    policy = SilencePolicy()
    policy.caller_spoke()
    policy.due(8.0)
    policy.due(8.0)
    policy.caller_spoke()
    assert policy.due(8.0) == silence.CHECK_IN


# --- What was heard ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heard_ms", "text"),
    [
        (0, ""),
        (100, ""),
        (500, "Deux"),
        (990, "Deux Margherita,"),
        (1_999, "Deux Margherita, c'est bien cela"),
        (2_000, "Deux Margherita, c'est bien cela ?"),
        (3_000, "Deux Margherita, c'est bien cela ?"),
    ],
)
def test_words_are_heard_whole_or_not(heard_ms: int, text: str) -> None:
    whole = "Deux Margherita, c'est bien cela ?"
    assert heard_text(whole, heard_ms=heard_ms, total_ms=2_000) == text


@given(st.text(max_size=60), st.integers(0, 1_000), st.integers(0, 1_000))
def test_no_word_too_many(text: str, heard_ms: int, total_ms: int) -> None:
    said = heard_text(text, heard_ms=heard_ms, total_ms=total_ms)
    assert text.startswith(said)


def test_the_tail_is_short_and_positions_go_on() -> None:
    transcript = Transcript()
    for number in range(TAIL_TURNS + 3):
        transcript.say("caller", transcript.number(), f"tour {number}")
    other = Transcript()
    other.restore(transcript.tail(), transcript.next_position)
    assert len(other.tail()) == TAIL_TURNS
    assert other.number() == TAIL_TURNS + 3


def test_words_that_are_known_late_stand_where_they_were_said() -> None:
    transcript = Transcript()
    asked, answered = transcript.number(), transcript.number()
    transcript.say("agent", answered, "C'est noté.")
    transcript.say("caller", asked, "Une reine.")
    assert [turn.role for turn in transcript.tail()] == ["caller", "agent"]


def test_a_read_back_over_two_items_counts_as_one() -> None:
    read_back = ReadBackHeard({"a": (500, 500), "b": (0, 1_000)}.get)
    read_back.begin(3)
    for item in ("a", "b"):
        read_back.speech_began(item, "r1")
    read_back.speech_began("c", "r2")
    assert not read_back.was_heard(3)
    read_back.speech_over("b", 300, 1_000)
    assert read_back.was_heard(3)
    assert not read_back.was_heard(4)


# --- Frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [b"", b"\x00", bytes(641), bytes(16_002)])
def test_what_is_no_caller_frame(frame: bytes) -> None:
    with pytest.raises(MediaFrameError):
        caller_pcmu(frame)


def test_a_chunk_carries_the_contract_s_keys_and_the_same_audio() -> None:
    pcmu = caller_pcmu(b"".join((n * 97 % 20_000).to_bytes(2, "little") for n in range(160)))
    body = json.loads(stream_audio(pcmu, item='item_"é', seq=3, generation=1))
    data = body["data"]
    assert body["type"] == "streamAudio"
    assert caller_pcmu(base64.b64decode(data.pop("audioData"))) == pcmu
    assert (data.pop("audioDataType"), data.pop("sampleRate")) == ("raw", 8_000)
    assert AudioChunk.model_validate(data) == AudioChunk(item='item_"é', seq=3, generation=1, ms=20)


def test_speech_stands_out_of_noise() -> None:
    voice = VoiceActivity()
    noise, speech = assistant_l16(bytes([0xF0]) * 320), assistant_l16(bytes([0x90, 0x10]) * 160)
    assert loudness(speech) > 10 * loudness(noise)
    for frame in range(50):
        assert not voice.hear(frame * 0.04, rms=loudness(noise), ms=40)
    for frame in range(50, 60):
        assert voice.hear(frame * 0.04, rms=loudness(speech), ms=40)
    assert voice.voiced_ms(0.0) == 400
    assert voice.voiced_ms(55 * 0.04) == 160


def test_a_loud_street_is_not_speech_for_long() -> None:
    voice = VoiceActivity()
    heard = [voice.hear(frame * 0.04, rms=900, ms=40) for frame in range(200)]
    assert not any(heard[100:])


# --- The session ---------------------------------------------------------------------------------


def test_turns_are_ours_and_the_menu_is_in_the_instructions() -> None:
    settings = WorkerSettings(DATABASE_URL="postgresql://x", REDIS_URL="redis://x")
    session = session_config(settings, CONFIG, tool_schemas())
    detection = session["audio"]["input"]["turn_detection"]
    assert (detection["create_response"], detection["interrupt_response"]) == (False, False)
    assert session["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "marin"}
    assert "Margherita, Quatre fromages, Calzone" in session["instructions"]
    assert "950" not in session["instructions"], "prices are the tools' to tell"
    assert "$" not in session["instructions"]


@pytest.mark.parametrize("side", ["input", "output"])
def test_another_format_is_never_played(side: str) -> None:
    pcmu, pcm = AudioSide(format=AudioFormat(type=PCMU)), AudioSide(format=AudioFormat(type="pcm"))
    agreed = SessionAudio(input=pcmu, output=pcmu)
    check_formats(SessionUpdated(session=SessionState(audio=agreed)))
    for wrong in (pcm, None):
        told = SessionState(audio=SessionAudio(**{"input": pcmu, "output": pcmu, side: wrong}))
        with pytest.raises(RealtimeUnavailable, match=f"{side}_format"):
            check_formats(SessionUpdated(session=told))
