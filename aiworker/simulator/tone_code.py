"""The simulated agent's voice: every 20 ms frame says which frame it is, in three tones.

A receiver anywhere in the call decodes exactly which frames were heard, after G.711 and
through a switch, without a speech model. Twelve bits: one tone of sixteen in each of three bands,
all on the 50 Hz grid of a 160-sample frame, where tones do not leak into one another.
"""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

FRAME_SAMPLES: Final = 160
FRAME_BYTES: Final = 2 * FRAME_SAMPLES
FRAME_MS: Final = 20
INDEX_COUNT: Final = 4096
"""Indexes wrap after 4096 frames = 81.92 s of speech."""

_TONES: Final = 16
_BAND_FIRST_BINS: Final = (8, 26, 44)
"""First tone of each band in units of 50 Hz: 400, 1300 and 2200 Hz."""
_AMPLITUDE: Final = 7_500
_SILENCE_RMS: Final = 60.0
"""Below this (about -55 dBFS) a frame is silence: G.711 cannot carry three clean tones there."""
_CODED_SHARE: Final = 0.5
"""Least share of the frame's energy in its three tones: whole frames reach 0.99, a window over two
frames 0.55, noise 0.2."""
_DOMINANCE: Final = 3.0
"""Least power ratio of the best to the second tone of a band: off the edge 3.3, in speech 2.9."""
_BALANCE: Final = 12
"""Most power one band's tone has over another's: they are sent equal, a line may tilt them."""

_Samples = npt.NDArray[np.float64]


def encode(frame_index: int) -> bytes:
    """Return frame `frame_index` (taken modulo 4096) as 160 samples of L16 at 8 kHz."""
    return _encode(frame_index % INDEX_COUNT)


def encode_speech(duration_ms: int, first_index: int = 0) -> bytes:
    """Return `duration_ms` (a multiple of 20) of speech as L16 at 8 kHz, frames counted up."""
    if duration_ms % FRAME_MS:
        raise ValueError(f"{duration_ms} ms is not a whole number of {FRAME_MS} ms frames")
    return b"".join(encode(first_index + n) for n in range(duration_ms // FRAME_MS))


def decode(frame: bytes) -> int | None:
    """Return the index carried by 160 samples of L16, or None for silence or any other sound.

    Right up to about 50 samples off the frame's edge: the frame that fills most of the window wins.
    """
    if len(frame) != FRAME_BYTES:
        raise ValueError(f"a frame is {FRAME_BYTES} bytes, not {len(frame)}")
    return decode_frames(frame)[0]


def decode_frames(audio: bytes) -> list[int | None]:
    """Decode every whole frame of L16 audio; a partial frame at the end is left out."""
    count = len(audio) // FRAME_BYTES
    if not count:
        return []
    samples = np.frombuffer(audio[: count * FRAME_BYTES], dtype="<i2").astype(np.float64)
    frames: _Samples = samples.reshape(count, FRAME_SAMPLES)
    return _decode(frames)


def frame_offset(audio: bytes) -> int | None:
    """Return by how many samples (0..159) the first frame edge lies into `audio`.

    None when no offset decodes any frame. Steps of 8 samples: precise enough for `decode`.
    """
    best: tuple[float, int] | None = None
    samples = np.frombuffer(audio[: len(audio) // 2 * 2], dtype="<i2").astype(np.float64)
    for offset in range(0, FRAME_SAMPLES, 8):
        count = (len(samples) - offset) // FRAME_SAMPLES
        if count < 1:
            break
        frames = samples[offset : offset + count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES)
        purity = _purity(frames)
        if purity > 0 and (best is None or purity > best[0]):
            best = (purity, offset)
    return best[1] if best else None


@cache
def _encode(frame_index: int) -> bytes:
    t = np.arange(FRAME_SAMPLES)
    tones = (frame_index >> 8, frame_index >> 4 & 15, frame_index & 15)
    wave = np.zeros(FRAME_SAMPLES)
    for first, tone in zip(_BAND_FIRST_BINS, tones, strict=True):
        wave += np.sin(2 * np.pi * (first + tone) * t / FRAME_SAMPLES)
    return (wave * _AMPLITUDE).astype("<i2").tobytes()


def _powers(frames: _Samples) -> tuple[_Samples, _Samples]:
    """Return (frames, 3 bands, 16 tones) powers and each frame's whole energy, comparable."""
    spectrum = np.fft.rfft(frames, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    bands = np.stack([power[:, b : b + _TONES] for b in _BAND_FIRST_BINS], axis=1)
    total = power[:, 1:].sum(axis=1)
    return bands, total


def _decode(frames: _Samples) -> list[int | None]:
    bands, total = _powers(frames)
    tone = bands.argmax(axis=2)
    ordered = np.sort(bands, axis=2)
    best, second = ordered[:, :, -1], ordered[:, :, -2]
    share = best.sum(axis=1) / np.maximum(total, 1.0)
    loud = np.sqrt((frames**2).mean(axis=1)) >= _SILENCE_RMS
    clear = (best >= _DOMINANCE * second).all(axis=1)
    balanced = best.min(axis=1) * _BALANCE >= best.max(axis=1)
    good = loud & clear & balanced & (share >= _CODED_SHARE)
    index = (tone[:, 0] << 8) | (tone[:, 1] << 4) | tone[:, 2]
    return [int(i) if ok else None for i, ok in zip(index, good, strict=True)]


def _purity(frames: _Samples) -> float:
    bands, total = _powers(frames)
    coded = total > (_SILENCE_RMS * FRAME_SAMPLES) ** 2 / 2
    if not coded.any():
        return 0.0
    return float((bands.max(axis=2).sum(axis=1)[coded] / total[coded]).mean())
