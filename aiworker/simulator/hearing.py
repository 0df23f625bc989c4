"""What the caller said: a turn matched against known recordings. No speech model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recognised:
    """A turn's words, "" when no recording fits; `score` 0..1 of the best match."""

    text: str
    score: float


class Hearing:
    """A library of recordings and the search in it. `recognise` is safe in threads."""

    def recognise(self, l16: bytes) -> Recognised:
        """Return what was said in L16 audio at 8 kHz."""
        return Recognised("", 0.0)
