"""Audio as it travels between FreeSWITCH and a worker: rates, frame and chunk lengths, byte counts.

Telephone audio is G.711 at 8 kHz. mod_audio_stream sends the caller as L16 little-endian and takes
the assistant's voice back as L16 in `streamAudio` messages. Realtime speaks PCMU on both sides.
"""

from typing import Final

SAMPLE_RATE_HZ: Final = 8_000
FRAME_MS: Final = 20
"""Every leg has this ptime (RFC 3551 §4.2); all other lengths are multiples of it."""

PCMU_BYTES_PER_MS: Final = 8
L16_BYTES_PER_MS: Final = 16
PCMU_SILENCE: Final = 0xFF

STREAM_BUFFER_MS: Final = 40
"""One WebSocket message holds this much of the caller's audio: half as many messages as with 20 ms,
for 20 ms more on each turn."""

CHUNK_MS: Final = 200
"""One `streamAudio` message holds this much of the assistant's voice at most. FreeSWITCH plays
60 ms and more without a gap, and makes five events of each chunk: the longer, the cheaper."""

QUEUED_AHEAD_MS: Final = 400
"""A worker lets FreeSWITCH hold no more unplayed audio than this, so that a `clear` is immediate.
"""

KEEP_ALIVE_SECONDS: Final = 1.0
"""A worker says on each of its streams this often that it lives."""


def stream_buffer_ms(ptime_ms: int) -> int:
    """Return how much one WebSocket message holds of a caller whose packets hold `ptime_ms`.

    mod_audio_stream sends its buffer when it is exactly full, and drops what does not fit in
    (audio_streamer_glue.cpp, `stream_frame`): packets that do not fill it go one by one.
    """
    return STREAM_BUFFER_MS if STREAM_BUFFER_MS % ptime_ms == 0 else FRAME_MS


def read_ptime_ms(text: str) -> int | None:
    """Read how much a packet holds from a channel's variable, `30` or `Adv=20;Sent=30`; None where
    it does not say.
    """
    sent = text.rpartition("Sent=")[2].strip()
    return int(sent) or None if sent.isdecimal() else None


def whole_frames_ms(duration_ms: int) -> int:
    """Round a duration in ms up to whole 20 ms frames, as FreeSWITCH pads a file it plays."""
    return -(-duration_ms // FRAME_MS) * FRAME_MS
