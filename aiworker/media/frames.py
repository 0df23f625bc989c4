"""Audio as bytes: the caller's L16 becomes PCMU, the assistant's PCMU `streamAudio` messages. Pure.

G.711 µ-law by `audioop`, in C: the standard library's before Python 3.13, audioop-lts after.
"""

import json
import warnings
from base64 import b64encode

from controlplane.contracts.media import (
    L16_BYTES_PER_MS,
    PCMU_BYTES_PER_MS,
    SAMPLE_RATE_HZ,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

_L16_WIDTH = 2
MAX_CALLER_FRAME_BYTES = 1_000 * L16_BYTES_PER_MS
"""One second: STREAM_BUFFER_SIZE is 40 ms; what is longer than this is not a caller's frame."""


class MediaFrameError(ValueError):
    """The binary message cannot be the caller's L16 audio."""


def caller_pcmu(frame: bytes) -> bytes:
    """Turn L16, little-endian at 8 kHz, into PCMU, a byte a sample. Raises `MediaFrameError`."""
    if not frame or len(frame) % _L16_WIDTH:
        raise MediaFrameError("not a whole number of L16 samples")
    if len(frame) > MAX_CALLER_FRAME_BYTES:
        raise MediaFrameError("longer than a second")
    return audioop.lin2ulaw(frame, _L16_WIDTH)


def loudness(frame: bytes) -> int:
    """Return the RMS of an L16 frame, 0–32767; telephone speech is about 1,000–4,000."""
    return audioop.rms(frame, _L16_WIDTH)


def assistant_l16(pcmu: bytes) -> bytes:
    """Turn PCMU into L16, little-endian."""
    return audioop.ulaw2lin(pcmu, _L16_WIDTH)


def stream_audio(pcmu: bytes, *, item: str, seq: int, generation: int) -> str:
    """Build the text message that makes mod_audio_stream write a file and fire `::play`.

    Built by hand: ten a second and call, and its `data` is `AudioChunk` plus the module's keys.
    """
    audio = b64encode(audioop.ulaw2lin(pcmu, _L16_WIDTH)).decode("ascii")
    ms = len(pcmu) // PCMU_BYTES_PER_MS
    return (
        f'{{"type":"streamAudio","data":{{"audioDataType":"raw","sampleRate":{SAMPLE_RATE_HZ},'
        f'"audioData":"{audio}","item":{json.dumps(item)},"seq":{seq},'
        f'"generation":{generation},"ms":{ms}}}}}'
    )
