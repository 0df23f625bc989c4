"""Tells which of the bridge's own prompts a caller heard: those by which a human takes over."""

import wave
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from controlplane.contracts.media import FRAME_MS, L16_BYTES_PER_MS
from freeswitch.scripts.make_prompts import SOUNDS
from freeswitch.telephone.rtp_session import ReceivedFrame

Samples: TypeAlias = NDArray[np.float64]
SAMPLES_A_FRAME: Final = FRAME_MS * L16_BYTES_PER_MS // 2

TO_A_HUMAN: Final = frozenset({"transfer", "transfer_person", "leave_message", "goodbye"})
"""Who hears one of these knows that the assistant has not placed anything for them."""
LAST_WORDS: Final = frozenset({"leave_message", "goodbye"})
"""After these nothing more is said: who stays on the line is recorded, or alone."""
OPENING_MS: Final = 1_000
"""A prompt is known by how it begins: what follows it, a beep say, may follow at once."""
ALIKE: Final = 0.6
"""The prompt itself, through G.711, correlates with 0.9 and more; another one with 0.2."""


class PromptEar:
    """Knows the prompts by their sound."""

    def __init__(self) -> None:
        self._openings = {name: _opening(name) for name in TO_A_HUMAN | LAST_WORDS}
        self._lengths_s = {name: _length_s(name) for name in LAST_WORDS}

    def given_to_a_human(self, audible: Sequence[ReceivedFrame]) -> bool:
        """Tell whether one of `TO_A_HUMAN` is in these frames, which are not the assistant's."""
        return any(self._begins_at(name, audible) is not None for name in TO_A_HUMAN)

    def last_words_at(self, audible: Sequence[ReceivedFrame]) -> float | None:
        """Return when the first of `LAST_WORDS` ended (monotonic seconds); None without any."""
        ends = [
            begins_at + self._lengths_s[name]
            for name in LAST_WORDS
            if (begins_at := self._begins_at(name, audible)) is not None
        ]
        return min(ends, default=None)

    def _begins_at(self, name: str, audible: Sequence[ReceivedFrame]) -> float | None:
        heard = _samples(b"".join(frame.l16 for frame in audible))
        opening = self._openings[name]
        if len(heard) < len(opening):
            return None
        alike = _likeness(heard, opening)
        at = int(alike.argmax())
        return audible[at // SAMPLES_A_FRAME].at if alike[at] > ALIKE else None


def _likeness(heard: Samples, opening: Samples) -> Samples:
    """Return the correlation, -1 to 1, of the opening with what was heard from each sample on."""
    size = len(heard) + len(opening)
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(opening, size))
    steps = len(heard) - len(opening) + 1
    power = np.concatenate([[0.0], np.cumsum(heard**2)])
    energy = power[len(opening) :][:steps] - power[:steps]
    most = np.sqrt(np.maximum(energy, 1.0) * (opening**2).sum())
    alike: Samples = np.fft.irfft(product, size)[:steps] / most
    return alike


def _samples(l16: bytes) -> Samples:
    return np.frombuffer(l16, "<i2").astype(np.float64)


def _opening(name: str) -> Samples:
    return _samples(_l16(name))[: OPENING_MS * SAMPLES_A_FRAME // FRAME_MS]


def _length_s(name: str) -> float:
    return len(_l16(name)) / L16_BYTES_PER_MS / 1_000


def _l16(name: str) -> bytes:
    with wave.open(str(SOUNDS / "fr" / f"{name}.wav")) as sound:
        frames: bytes = sound.readframes(sound.getnframes())
    return frames
