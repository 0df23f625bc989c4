"""Known recordings are recognised through a telephone line; unknown ones are not."""

import audioop
import wave
from pathlib import Path

import numpy as np
import pytest

from aiworker.simulator.hearing import Hearing, Recording, read_folder
from aiworker.simulator.utterance import hearing_of, utterance

pytestmark = pytest.mark.unit

RECORDINGS = read_folder(Path(__file__).resolve().parents[3] / "freeswitch" / "sounds" / "caller")
HEARING = Hearing(RECORDINGS)
WORDS = [recording.text for recording in RECORDINGS]


def by_telephone(l16: bytes, *, level: float = 1.0, late_samples: int = 0) -> bytes:
    """A turn as the VAD cuts it: 300 ms before, 500 ms after, through PCMA."""
    sound = bytes(16 * 300 + 2 * late_samples) + audioop.mul(l16, 2, level) + bytes(16 * 500)
    return audioop.alaw2lin(audioop.lin2alaw(sound, 2), 2)


@pytest.mark.parametrize("late_samples", [0, 37, 61, 120])
@pytest.mark.parametrize("level", [1.0, 0.25, 0.1])
def test_every_recording_is_recognised(late_samples: int, level: float) -> None:
    turns = [by_telephone(r.l16, level=level, late_samples=late_samples) for r in RECORDINGS]
    assert len(turns) >= 12
    assert [HEARING.recognise(turn).text for turn in turns] == WORDS


def test_a_turn_may_begin_late() -> None:
    cut = [by_telephone(recording.l16[16 * 80 :]) for recording in RECORDINGS]
    assert [HEARING.recognise(turn).text for turn in cut] == WORDS


def test_hiss_on_the_line_does_not_matter() -> None:
    hiss = np.random.default_rng(4)
    heard = []
    for recording in RECORDINGS:
        turn = np.frombuffer(by_telephone(recording.l16), dtype="<i2").astype(np.float64)
        noisy = np.clip(turn + hiss.normal(0, 60, len(turn)), -32_768, 32_767).astype("<i2")
        heard.append(HEARING.recognise(bytes(16 * 1_000) + noisy.tobytes()).text)
    assert heard == WORDS


def test_each_recording_is_only_itself() -> None:
    for recording in RECORDINGS:
        others = Hearing(one for one in RECORDINGS if one is not recording)
        heard = others.recognise(by_telephone(recording.l16))
        assert heard.text == "", recording.text
        assert heard.score < HEARING.recognise(by_telephone(recording.l16)).score - 0.15


def test_a_turn_that_is_cut_off_has_the_words_that_were_said() -> None:
    text = "une margherita avec supplément mozzarella et une quatre fromages"
    hearing = Hearing([Recording(text, utterance(text)), Recording("oui", utterance("oui"))])
    speech = utterance(text)
    half = hearing.recognise(by_telephone(speech[: len(speech) // 4 * 2])).text
    assert half
    assert text.startswith(half)
    assert 3 <= len(half.split()) <= 6


def test_noise_and_silence_say_nothing() -> None:
    noise = np.random.default_rng(2).normal(0, 2_000, 8_000).astype("<i2").tobytes()
    for sound in (noise, bytes(16_000), b"", bytes(100)):
        assert HEARING.recognise(sound).text == ""
    assert Hearing().recognise(utterance("oui")).text == ""


def test_synthetic_utterances_say_any_sentence() -> None:
    texts = [f"{number} {dish}" for number in ("une", "deux", "trois") for dish in WORDS]
    hearing = hearing_of(texts)
    assert [hearing.recognise(by_telephone(utterance(text))).text for text in texts] == texts
    assert hearing.recognise(by_telephone(utterance("autre chose"))).text == ""


def test_a_recording_of_another_rate_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "fast.wav"), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(bytes(320))
    (tmp_path / "fast.txt").write_text("vite", "utf-8")
    with pytest.raises(ValueError, match=r"fast\.wav is not 8 kHz"):
        read_folder(tmp_path)
