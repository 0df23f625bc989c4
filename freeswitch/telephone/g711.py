"""G.711 (ITU-T) at the telephone's edge: L16 little-endian samples to one byte each and back.

`audioop` left the standard library in Python 3.13; `audioop-lts` brings the same module. This is
the only place of the simulators that imports it.
"""

import audioop
from enum import IntEnum

from controlplane.contracts.media import FRAME_MS, L16_BYTES_PER_MS

FRAME_L16_BYTES = FRAME_MS * L16_BYTES_PER_MS
SILENCE_L16 = bytes(FRAME_L16_BYTES)
_SAMPLE_BYTES = 2


class Codec(IntEnum):
    """The codecs by their static RTP payload types (RFC 3551 §6, table 4)."""

    PCMU = 0
    PCMA = 8

    def encode(self, l16: bytes) -> bytes:
        """Turn mono L16 little-endian into one byte a sample."""
        if self is Codec.PCMA:
            return audioop.lin2alaw(l16, _SAMPLE_BYTES)
        return audioop.lin2ulaw(l16, _SAMPLE_BYTES)

    def decode(self, payload: bytes) -> bytes:
        """Turn one byte a sample into mono L16 little-endian."""
        if self is Codec.PCMA:
            return audioop.alaw2lin(payload, _SAMPLE_BYTES)
        return audioop.ulaw2lin(payload, _SAMPLE_BYTES)


def halve_rate(l16: bytes) -> bytes:
    """Turn 16 kHz mono L16 into 8 kHz."""
    resampled, _ = audioop.ratecv(l16, _SAMPLE_BYTES, 1, 16_000, 8_000, None)
    return resampled


class RateDoubler:
    """Turns 8 kHz mono L16 into 16 kHz, frame after frame; the first comes out one sample short."""

    def __init__(self) -> None:
        self._state: tuple[int, tuple[tuple[int, int], ...]] | None = None

    def double(self, l16: bytes) -> bytes:
        """Return the next frame at 16 kHz."""
        resampled, self._state = audioop.ratecv(l16, _SAMPLE_BYTES, 1, 8_000, 16_000, self._state)
        return resampled
