"""Voice activity is found on signals whose edges are known, to the 10 ms frame."""

import random

import pytest

from aiworker.simulator.audio_format import AudioFormat, encode
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.input_audio import SILENCE_KEPT_MS, InputAudio
from aiworker.simulator.tone_code import encode_speech
from aiworker.simulator.vad import EnergyVad, SpeechBegan, SpeechEnded, VadSettings

pytestmark = pytest.mark.unit

Noticed = list[SpeechBegan | SpeechEnded]


def silence(ms: int) -> bytes:
    return bytes(16 * ms)


def hum(ms: int, amplitude: int) -> bytes:
    """Sound whose RMS is `amplitude`."""
    return amplitude.to_bytes(2, "little", signed=True) * (8 * ms)


def run(audio: bytes, settings: VadSettings | None = None) -> Noticed:
    vad = EnergyVad(settings or VadSettings())
    frames = [audio[at : at + 160] for at in range(0, len(audio) // 160 * 160, 160)]
    return [noticed for frame in frames if (noticed := vad.feed(frame))]


def test_a_turn_begins_at_its_prefix_and_ends_after_its_silence() -> None:
    noticed = run(silence(1_000) + encode_speech(800) + silence(1_000))
    assert noticed == [
        SpeechBegan(onset_ms=1_000, audio_start_ms=700),
        SpeechEnded(speech_end_ms=1_800, audio_end_ms=2_300),
    ]


def test_the_prefix_never_reaches_before_the_first_sample_or_into_the_last_turn() -> None:
    settings = VadSettings(prefix_padding_ms=300, silence_duration_ms=200)
    first, stopped, second, _ = run(
        silence(100) + encode_speech(400) + silence(300) + encode_speech(400) + silence(300),
        settings,
    )
    assert isinstance(first, SpeechBegan)
    assert first.audio_start_ms == 0
    assert isinstance(stopped, SpeechEnded)
    assert stopped.audio_end_ms == 700
    assert isinstance(second, SpeechBegan)
    assert second.audio_start_ms == 700


def test_a_pause_shorter_than_the_silence_is_part_of_the_turn() -> None:
    noticed = run(encode_speech(400) + silence(480) + encode_speech(400) + silence(600))
    assert [type(one) for one in noticed] == [SpeechBegan, SpeechEnded]


def test_a_click_is_not_speech() -> None:
    assert run(silence(300) + encode_speech(40) + silence(1_000)) == []


@pytest.mark.parametrize(
    ("threshold", "amplitude", "heard"),
    [(0.5, 200, False), (0.5, 320, True), (0.2, 200, True), (0.9, 320, False)],
)
def test_the_threshold_says_how_loud_speech_is(
    threshold: float, amplitude: int, *, heard: bool
) -> None:
    assert bool(run(hum(500, amplitude), VadSettings(threshold=threshold))) is heard


@pytest.mark.parametrize("audio_format", list(AudioFormat))
def test_times_do_not_depend_on_format_or_on_how_audio_is_cut(audio_format: AudioFormat) -> None:
    wire = encode(audio_format, silence(500) + encode_speech(600) + silence(700))
    cut, at = random.Random(3), 0
    buffer = InputAudio(audio_format, VadSettings())
    noticed: Noticed = []
    while at < len(wire):
        size = cut.randrange(2, 900, 2)
        noticed += buffer.append(wire[at : at + size])
        at += size
    assert noticed[0] == SpeechBegan(onset_ms=500, audio_start_ms=200)
    assert isinstance(noticed[1], SpeechEnded)
    assert noticed[1].audio_end_ms in (1_600, 1_610)  # resampling rings a little


def test_a_turn_taken_holds_exactly_its_audio() -> None:
    speech = encode_speech(600)
    buffer = InputAudio(AudioFormat.PCMU, VadSettings())
    wire = encode(AudioFormat.PCMU, silence(500) + speech + silence(700))
    turns = [
        buffer.take_turn(noticed.audio_end_ms)
        for noticed in buffer.append(wire)
        if isinstance(noticed, SpeechEnded)
    ]
    assert [len(turn) for turn in turns] == [(1_600 - 200) * 16]
    assert buffer.appended_ms == 1_800
    # What came before the turn's end is gone with it: 200 ms of silence are left.
    assert len(buffer.commit()) == 200 * 16


def test_an_idle_call_does_not_grow_and_the_clock_goes_on() -> None:
    buffer = InputAudio(AudioFormat.PCMU, VadSettings())
    for _ in range(100):
        assert not list(buffer.append(encode(AudioFormat.PCMU, silence(1_000))))
    assert buffer.appended_ms == 100_000
    assert len(buffer.commit()) == SILENCE_KEPT_MS * 16
    with pytest.raises(InvalidRequest, match=r"0\.00ms"):
        buffer.commit()
    assert buffer.appended_ms == 100_000
    began = next(iter(buffer.append(encode(AudioFormat.PCMU, encode_speech(400)))))
    assert began == SpeechBegan(onset_ms=100_000, audio_start_ms=100_000)
