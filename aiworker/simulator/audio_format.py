"""The three audio formats of a Realtime session, to and from the L16 at 8 kHz used inside."""

import audioop
from enum import StrEnum
from typing import Any, Final

L16_BYTES_PER_MS: Final = 16
_PCM_RATE_HZ: Final = 24_000
_RATE_HZ: Final = 8_000


class AudioFormat(StrEnum):
    """`type` of `session.audio.input.format` and `session.audio.output.format`."""

    PCMU = "audio/pcmu"
    PCMA = "audio/pcma"
    PCM = "audio/pcm"

    def describe(self) -> dict[str, Any]:
        """Return the format object as a session carries it."""
        return {"type": self.value} | ({"rate": _PCM_RATE_HZ} if self is AudioFormat.PCM else {})

    @property
    def bytes_per_ms(self) -> int:
        """Bytes of one millisecond of audio on the wire, before base64."""
        return 48 if self is AudioFormat.PCM else 8


class Decoder:
    """Wire audio to L16 at 8 kHz; keeps what resampling needs from one append to the next."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._format = audio_format
        self._state: Any = None

    def decode(self, audio: bytes) -> bytes:
        """Return L16 at 8 kHz. Raise ValueError when `audio` holds half a sample."""
        if self._format is AudioFormat.PCMU:
            return audioop.ulaw2lin(audio, 2)
        if self._format is AudioFormat.PCMA:
            return audioop.alaw2lin(audio, 2)
        if len(audio) % 2:
            raise ValueError("an odd number of bytes is not 16-bit PCM")
        l16, self._state = audioop.ratecv(audio, 2, 1, _PCM_RATE_HZ, _RATE_HZ, self._state)
        return l16


def encode(audio_format: AudioFormat, l16: bytes) -> bytes:
    """Return L16 at 8 kHz as wire audio."""
    if audio_format is AudioFormat.PCMU:
        return audioop.lin2ulaw(l16, 2)
    if audio_format is AudioFormat.PCMA:
        return audioop.lin2alaw(l16, 2)
    # Three samples a sample, exactly: ratecv would give one fewer at each chunk's start.
    pcm, _ = audioop.ratecv(l16[:2] + l16, 2, 1, _RATE_HZ, _PCM_RATE_HZ, None)
    return pcm[-3 * len(l16) :]
