"""What the caller said: a turn matched against known recordings. No speech model.

The library's recordings and the turn are compared at every alignment at once (correlation by FFT),
so a turn may begin late, stop early, or be louder or softer than the recording.
"""

import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from aiworker.simulator.spectrum import BANDS, Features, features

THRESHOLD: Final = 0.75
"""Least likeness of a turn to a recording: the same one through G.711 is above 0.94."""
MAX_TURN_MS: Final = 20_000
"""More of a turn than this is not compared."""
_WHOLE: Final = 0.75
"""Share of a recording that must be in the turn for all its words to count as said."""
_COVERAGE_WEIGHT: Final = 0.15
"""How much a recording heard in full is preferred to one of which the turn is a part."""
_LEAST_COVERAGE: Final = 0.2
"""A turn that is less of a recording than this is held against it as if it were this much."""
_EPSILON: Final = 1e-6

_Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Recognised:
    """A turn's words, "" when no recording fits; `score` 0..1 of the best match."""

    text: str
    score: float


@dataclass(frozen=True)
class Recording:
    """Something a caller may say."""

    text: str
    l16: bytes


class Hearing:
    """A library of recordings and the search in it. `recognise` is safe in threads."""

    def __init__(self, recordings: Iterable[Recording] = ()) -> None:
        known = list(recordings)
        self.texts = [recording.text for recording in known]
        heard = [features(recording.l16) for recording in known]
        voiced = [f[np.any(f != 0, axis=1)] for f in heard]
        everything = np.concatenate(voiced) if voiced else np.zeros((0, BANDS), np.float32)
        self._mean = everything.mean(axis=0) if len(everything) else np.zeros(BANDS, np.float32)
        self._templates = [self._centred(f) for f in heard]
        self._longest = max((len(t) for t in self._templates), default=0)
        self._spectra: dict[int, npt.NDArray[np.complex64]] = {}

    @classmethod
    def from_folders(cls, folders: Iterable[Path]) -> "Hearing":
        """Read every 8 kHz mono WAV that has its words in a .txt beside it."""
        return cls(recording for folder in folders for recording in read_folder(folder))

    def recognise(self, l16: bytes) -> Recognised:
        """Return what was said in L16 audio at 8 kHz."""
        turn = self._centred(features(l16[: MAX_TURN_MS * 16]))
        norm = float(np.sqrt((turn**2).sum()))
        if not self.texts or norm < _EPSILON:
            return Recognised("", 0.0)
        best = max(
            (
                self._match(number, products, turn, norm)
                for number, products in self._products(turn)
            ),
            key=lambda match: match.rank,
        )
        score = round(best.score, 3)
        return Recognised(best.words(self.texts) if score >= THRESHOLD else "", score)

    def _centred(self, found: Features) -> Features:
        """Take what all recordings share (voice, line) out of the frames that hold speech."""
        voiced = np.any(found != 0, axis=1, keepdims=True)
        return np.where(voiced, found - self._mean, 0).astype(np.float32)

    def _products(self, turn: Features) -> Iterable[tuple[int, _Floats]]:
        """Yield each template's inner product with the turn at every lag."""
        size = 1 << (len(turn) + self._longest).bit_length()
        spectrum = np.fft.rfft(turn, size, axis=0).astype(np.complex64)
        for number, template in enumerate(self._spectra_of(size)):
            yield number, np.fft.irfft((np.conj(spectrum) * template).sum(axis=1), size)

    def _spectra_of(self, size: int) -> npt.NDArray[np.complex64]:
        if size not in self._spectra:
            self._spectra[size] = np.stack(
                [np.fft.rfft(t, size, axis=0).astype(np.complex64) for t in self._templates]
            )
        return self._spectra[size]

    def _match(self, number: int, products: _Floats, turn: Features, norm: float) -> "_Match":
        template = self._templates[number]
        lags = np.arange(-len(turn) + 1, len(template))
        """Lag: which frame of the template the turn begins at."""
        energy = np.concatenate([[0.0], np.cumsum((template**2).sum(axis=1))])
        starts = np.clip(lags, 0, len(template))
        ends = np.clip(lags + len(turn), 0, len(template))
        inside = energy[ends] - energy[starts]
        total = energy[-1] + _EPSILON
        coverage = inside / total
        score = products[lags] / (norm * np.sqrt(total * np.maximum(coverage, _LEAST_COVERAGE)))
        rank = score * (1 - _COVERAGE_WEIGHT * (1 - coverage))
        at = int(rank.argmax())
        return _Match(
            number,
            float(rank[at]),
            float(score[at]),
            float(energy[starts[at]] / total),
            float(energy[ends[at]] / total),
        )


@dataclass(frozen=True)
class _Match:
    number: int
    rank: float
    score: float
    begins: float
    """Share of the recording's sound before the turn begins, and until the turn ends."""
    ends: float

    def words(self, texts: list[str]) -> str:
        """Return the words in the turn: all of them, or those of the part that was heard."""
        text = texts[self.number]
        if self.ends - self.begins >= _WHOLE:
            return text
        words, kept, position = text.split(), [], 0
        for word in words:
            middle = (position + len(word) / 2) / max(len(text), 1)
            position += len(word) + 1
            if self.begins <= middle <= self.ends:
                kept.append(word)
        return " ".join(kept)


def read_folder(folder: Path) -> list[Recording]:
    """Return the recordings of a folder, by name. Raise ValueError for a WAV of another kind."""
    found = []
    for path in sorted(folder.glob("*.wav")):
        words = path.with_suffix(".txt")
        if not words.exists():
            continue
        with wave.open(str(path)) as sound:
            if (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) != (8_000, 1, 2):
                raise ValueError(f"{path.name} is not 8 kHz mono 16-bit")
            l16 = sound.readframes(sound.getnframes())
        found.append(Recording(words.read_text("utf-8").strip(), l16))
    return found
