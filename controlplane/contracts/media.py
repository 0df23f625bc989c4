"""Audio as it travels between FreeSWITCH and a worker: rates, frame and chunk lengths, byte counts.

Telephone audio is G.711 at 8 kHz. mod_audio_stream sends the caller as L16 little-endian, takes the
agent's voice back as L16 in `streamAudio` messages, and Realtime speaks PCMU on both sides.
"""

from typing import Final

SAMPLE_RATE_HZ: Final = 8_000
FRAME_MS: Final = 20
"""The ptime of every leg (RFC 3551 §4.2); all other lengths are multiples of it."""

PCMU_BYTES_PER_MS: Final = 8
L16_BYTES_PER_MS: Final = 16
PCMU_SILENCE: Final = 0xFF

STREAM_BUFFER_MS: Final = 40
"""Caller audio in one WebSocket message: half the messages of 20 ms for 20 ms more on a turn."""

CHUNK_MS: Final = 100
"""Agent audio in one `streamAudio` message. FreeSWITCH plays 60 ms and more without a gap."""

QUEUED_AHEAD_MS: Final = 300
"""What a worker lets FreeSWITCH hold unplayed, so that a `clear` is immediate."""


def whole_frames_ms(duration_ms: int) -> int:
    """Round a duration in ms up to whole 20 ms frames, as FreeSWITCH pads a file it plays."""
    return -(-duration_ms // FRAME_MS) * FRAME_MS
