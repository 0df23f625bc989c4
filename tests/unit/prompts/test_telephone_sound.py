"""Speech is made fit for the telephone, all of it equally loud; GPL code stays in its process."""

import io
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from controlplane.local.launch.freeswitch import SOUNDS_FOLDER
from controlplane.prompts.speech import Speech, SpeechFailed
from controlplane.prompts.synthesiser import read_wav
from controlplane.prompts.telephone_sound import (
    PEAK_DBFS,
    TARGET_DBFS,
    TelephoneSound,
    level_dbfs,
    telephone_sound,
)

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
RATE_HZ = 22_050
ANNOUNCED_FOR_A_PIPE = 0x7FFFF000


def wav(
    *hertz: int, seconds: float = 1.0, amplitude: int = 3_000, announced: int | None = None
) -> bytes:
    t = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    samples = sum((np.sin(2 * np.pi * f * t) for f in hertz), np.zeros(len(t))) * amplitude
    silence = np.zeros(RATE_HZ // 2)
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(np.concatenate([silence, samples, silence]).astype("<i2").tobytes())
    data = bytearray(sound.getvalue())
    if announced is not None:
        data[40:44] = announced.to_bytes(4, "little")
    return bytes(data)


def telephone(sound: bytes) -> TelephoneSound:
    return telephone_sound(read_wav(sound))


def levels(l16: bytes, *hertz: int) -> list[float]:
    samples = np.frombuffer(l16, dtype="<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples))
    spectrum /= spectrum.max()
    return [float(spectrum[round(f * len(samples) / 8_000)]) for f in hertz]


def test_the_telephone_s_band_is_kept_and_the_rest_left_out() -> None:
    l16 = telephone(wav(100, 1_000, 5_000)).l16
    assert levels(l16, 1_000)[0] > 0.9
    assert max(levels(l16, 100, 3_000)) < 0.05, "5 kHz must not fold down to 3 kHz"


def test_speech_has_one_level_whoever_says_it_and_no_silence_around_it() -> None:
    quiet = telephone(wav(700))
    loud = telephone(wav(700, seconds=2.0, amplitude=32_000))
    for sound, seconds in ((quiet, 1.0), (loud, 2.0)):
        assert sound.level_dbfs == pytest.approx(TARGET_DBFS, abs=0.1)
        assert sound.peak_dbfs == pytest.approx(TARGET_DBFS + 3, abs=0.7), "that of a sine"
        assert abs(sound.duration_ms / 1_000 - seconds) <= 0.06
        assert len(sound.l16) % 320 == 0


def test_a_pause_between_words_does_not_make_the_words_louder() -> None:
    words = read_wav(wav(700)).l16
    pause = Speech(words + bytes(4 * RATE_HZ) + words, RATE_HZ)
    assert telephone_sound(pause).level_dbfs == pytest.approx(TARGET_DBFS, abs=0.1)


def test_a_high_peak_is_not_cut_off_but_all_of_it_is_quieter() -> None:
    click = np.zeros(RATE_HZ)
    click[::2_205] = 30_000
    sound = telephone_sound(Speech(click.astype("<i2").tobytes(), RATE_HZ))
    assert sound.peak_dbfs == pytest.approx(PEAK_DBFS, abs=0.3)
    assert sound.level_dbfs < TARGET_DBFS


def test_the_packaged_prompts_are_as_loud() -> None:
    for file in SOUNDS_FOLDER.glob("*.wav"):
        samples = np.frombuffer(read_wav(file.read_bytes()).l16, dtype="<i2") / 32_768
        assert abs(level_dbfs(samples) - TARGET_DBFS) < 3, file.name


def test_a_length_announced_before_it_was_known_does_not_matter() -> None:
    piped = wav(700, announced=ANNOUNCED_FOR_A_PIPE)
    assert telephone(piped) == telephone(wav(700))


def test_a_rendering_is_a_file_that_freeswitch_plays() -> None:
    sound = telephone(wav(700))
    assert read_wav(sound.wav()) == Speech(sound.l16, 8_000)


@pytest.mark.parametrize("l16", [b"", b"\0", bytes(2), bytes(2 * RATE_HZ)])
def test_silence_is_no_voice(l16: bytes) -> None:
    with pytest.raises(SpeechFailed):
        telephone_sound(Speech(l16, RATE_HZ))


def test_espeak_ng_is_loaded_by_the_synthesiser_s_process_only() -> None:
    """GPL-3.0 code: no module that runs in another process imports it, or who does."""
    names = re.compile(r"^\s*(from|import)\s+.*(espeakng_loader|espeak_wheel)", re.M)
    packages = ("aiworker", "controlplane", "freeswitch", "webapp")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    found = [file.name for file in files if names.search(file.read_text("utf-8"))]
    assert found == ["espeak_wheel.py"]
