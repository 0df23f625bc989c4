"""Speech as a telephone carries it: L16 at 8 kHz, its band, one loudness, no silence around it.

A caller must not reach for the volume between the greeting and what is said next. Telephony levels
speech by what is heard while somebody speaks, and not by its pauses (ITU-T P.56); the packaged
prompts lie between -20.6 and -17.0 dBFS by this measure. Broadcasting's R 128 weighs frequencies
that no telephone carries.
"""

import io
import wave
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from controlplane.contracts.media import FRAME_MS, SAMPLE_RATE_HZ
from controlplane.prompts.speech import Speech, SpeechFailed

TARGET_DBFS: Final = -18.0
"""The level of active speech: the mean of the packaged prompts'."""
PEAK_DBFS: Final = -2.0
"""No peak between two samples passes this (true peak): speech with high peaks stays quieter."""
_ACTIVE_DB: Final = 25.0
"""A 20 ms frame this far below the loudest one is a pause."""
_FRAME: Final = SAMPLE_RATE_HZ * FRAME_MS // 1_000
_BAND_HZ: Final = ((150, 250), (3_300, 3_600))
"""Where the telephone's band begins and ends, each over a slope: a cut would ring."""
_OVERSAMPLED: Final = 4
"""ITU-R BS.1770-5, annex 2, finds the true peak with so many samples for one."""
_SILENCE: Final = 0.004
"""Below this, of full scale, at either end a sentence has not begun, or is over."""

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TelephoneSound:
    """Whole 20 ms frames of L16 at 8 kHz, and how loud they are."""

    l16: bytes
    level_dbfs: float
    peak_dbfs: float

    @property
    def duration_ms(self) -> int:
        return len(self.l16) // (2 * _FRAME) * FRAME_MS

    def wav(self) -> bytes:
        """Return it as a file."""
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setparams((1, 2, SAMPLE_RATE_HZ, len(self.l16) // 2, "NONE", ""))
            writer.writeframes(self.l16)
        return file.getvalue()


def telephone_sound(speech: Speech) -> TelephoneSound:
    """Make speech fit for the telephone. Raise SpeechFailed for silence."""
    whole = speech.l16[: len(speech.l16) // 2 * 2]
    samples = np.frombuffer(whole, dtype="<i2").astype(np.float64) / 32_768
    samples = telephone_band(samples, speech.rate_hz)
    if not np.abs(samples).max(initial=0.0):
        raise SpeechFailed("the engine said nothing")
    samples *= _amplitude(min(TARGET_DBFS - level_dbfs(samples), PEAK_DBFS - peak_dbfs(samples)))
    heard = np.flatnonzero(np.abs(samples) > _SILENCE)
    samples = samples[heard[0] : heard[-1] + 1]
    samples = np.pad(samples, (0, -len(samples) % _FRAME))
    return TelephoneSound(
        l16=np.round(samples * 32_768).astype("<i2").tobytes(),
        level_dbfs=round(level_dbfs(samples), 2),
        peak_dbfs=round(peak_dbfs(samples), 2),
    )


def level_dbfs(samples: Samples) -> float:
    """Return the level of active speech in 8 kHz samples, full scale being a square wave's."""
    frames = np.pad(samples, (0, -len(samples) % _FRAME)).reshape(-1, _FRAME)
    power = (frames**2).mean(axis=1)
    active = power[power > power.max() / 10 ** (_ACTIVE_DB / 10)]
    return float(10 * np.log10(active.mean()))


def peak_dbfs(samples: Samples) -> float:
    """Return the true peak: that of the curve through the samples."""
    curve = np.fft.irfft(np.fft.rfft(samples), _OVERSAMPLED * len(samples)) * _OVERSAMPLED
    return float(20 * np.log10(np.abs(curve).max()))


def telephone_band(samples: Samples, rate_hz: int) -> Samples:
    """Return the telephone's band of the samples, at 8 kHz: the other frequencies are left out."""
    count = len(samples) * SAMPLE_RATE_HZ // rate_hz
    if not count:
        return np.zeros(0)
    spectrum = np.fft.rfft(samples)[: count // 2 + 1]
    hertz = np.arange(len(spectrum)) * rate_hz / len(samples)
    spectrum *= np.interp(hertz, _BAND_HZ[0], (0, 1)) * np.interp(hertz, _BAND_HZ[1], (1, 0))
    return np.fft.irfft(spectrum, count) * count / len(samples)


def _amplitude(decibels: float) -> float:
    return float(10 ** (decibels / 20))
