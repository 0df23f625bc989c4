"""The voice people can hear: the telephone's band of it, and that GPL code stays in its process."""

import io
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from aiworker.simulator.voice import VoiceFailed, telephone_band

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]
RATE_HZ = 22_050
ANNOUNCED_FOR_A_PIPE = 0x7FFFF000


def wav(*hertz: int, seconds: float = 1.0, announced: int | None = None) -> bytes:
    t = np.arange(int(RATE_HZ * seconds)) / RATE_HZ
    samples = sum((np.sin(2 * np.pi * f * t) for f in hertz), np.zeros(len(t))) * 3_000
    silence = np.zeros(RATE_HZ // 2)
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(np.concatenate([silence, samples, silence]).astype("<i2").tobytes())
    data = bytearray(sound.getvalue())
    if announced is not None:
        data[40:44] = announced.to_bytes(4, "little")
    return bytes(data)


def levels(l16: bytes, *hertz: int) -> list[float]:
    samples = np.frombuffer(l16, dtype="<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples))
    spectrum /= spectrum.max()
    return [float(spectrum[round(f * len(samples) / 8_000)]) for f in hertz]


def test_the_telephone_s_band_is_kept_and_the_rest_left_out() -> None:
    l16 = telephone_band(wav(100, 1_000, 5_000))
    assert levels(l16, 1_000)[0] > 0.9
    assert max(levels(l16, 100, 3_000)) < 0.05, "5 kHz must not fold down to 3 kHz"


def test_it_is_as_loud_as_the_prompts_without_silence_around_it_in_whole_frames() -> None:
    l16 = telephone_band(wav(700))
    samples = np.frombuffer(l16, dtype="<i2").astype(int)
    assert abs(np.abs(samples).max() / 32_767 - 0.7) < 0.01
    assert abs(len(samples) / 8_000 - 1.0) < 0.05
    assert len(samples) % 160 == 0


def test_a_length_announced_before_it_was_known_does_not_matter() -> None:
    piped = wav(700, announced=ANNOUNCED_FOR_A_PIPE)
    assert telephone_band(piped) == telephone_band(wav(700))


def test_silence_is_no_voice() -> None:
    with pytest.raises(VoiceFailed):
        telephone_band(wav())


def test_espeak_ng_is_loaded_by_the_synthesiser_s_process_only() -> None:
    """GPL-3.0 code: no module that runs in another process imports it, or who does."""
    names = re.compile(
        r"^\s*(from|import)\s+.*(espeakng_loader|simulator\.espeak|\bespeak\b)", re.M
    )
    packages = ("aiworker", "controlplane", "freeswitch", "webapp")
    files = [file for package in packages for file in (ROOT / package).rglob("*.py")]
    found = [file.name for file in files if names.search(file.read_text("utf-8"))]
    assert found == ["espeak.py"]
