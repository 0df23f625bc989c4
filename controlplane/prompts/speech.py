"""What somebody said, and how it is told that nobody did. Whoever speaks knows no restaurant."""

from dataclasses import dataclass

from controlplane.errors import AlloRestoError


class SpeechFailed(AlloRestoError):
    """Nothing was said that can be used. The message never holds the text."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Mono L16 little-endian at `rate_hz`, as loud as its engine likes."""

    l16: bytes
    rate_hz: int
