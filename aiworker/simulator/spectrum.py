"""What a stretch of speech sounds like, in numbers that survive G.711, level and a late start.

Every 10 ms: the energies of 16 bands in decibels, less the frame's own mean, so that what is left
is the shape of the spectrum. Frames far below the loudest are zero: silence does not count.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float32]
"""Its shape is (frames, BANDS)."""

HOP_MS: Final = 10
BANDS: Final = 16
_HOP: Final = 80
_WINDOW: Final = 256
_VOICED_DB: Final = 32.0
"""A frame this far below the loudest counts as silence."""
_FLOOR_DB: Final = 48.0
"""Bands deeper than this below the loudest are G.711's noise."""
_EDGES_HZ: Final = np.geomspace(180, 3_700, BANDS + 1)


def _band_matrix() -> npt.NDArray[np.float32]:
    bins = np.fft.rfftfreq(_WINDOW, 1 / 8_000)
    matrix = np.zeros((len(bins), BANDS), dtype=np.float32)
    centres = np.sqrt(_EDGES_HZ[:-1] * _EDGES_HZ[1:])
    for band, centre in enumerate(centres):
        low, high = _EDGES_HZ[band], _EDGES_HZ[band + 1]
        inside = (bins >= low) & (bins < high)
        if not inside.any():
            inside = bins == bins[np.argmin(abs(bins - centre))]
        matrix[inside, band] = 1 / inside.sum()
    return matrix


_MATRIX: Final = _band_matrix()
_TAPER: Final = np.hanning(_WINDOW).astype(np.float32)


def features(l16: bytes) -> Features:
    """Return the features of L16 audio at 8 kHz; shorter than a window gives no frames."""
    samples = np.frombuffer(l16[: len(l16) // 2 * 2], dtype="<i2").astype(np.float32)
    if len(samples) < _WINDOW:
        return np.zeros((0, BANDS), dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP] * _TAPER
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    bands = 10 * np.log10(power @ _MATRIX + 1)
    loudness = bands.max(axis=1)
    peak = float(np.percentile(loudness, 98))
    shape = np.maximum(bands, peak - _FLOOR_DB)
    shape -= shape.mean(axis=1, keepdims=True)
    shape[loudness < peak - _VOICED_DB] = 0
    return np.asarray(shape, dtype=np.float32)
