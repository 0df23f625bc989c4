"""Energy voice-activity detection on L16 at 8 kHz: the simulator's `server_vad`.

All times are milliseconds of appended audio, never of the clock on the wall, as Realtime counts
`audio_start_ms` and `audio_end_ms`.
"""

import audioop
from collections import deque
from dataclasses import dataclass
from typing import Final

FRAME_MS: Final = 10
FRAME_BYTES: Final = 160

_ONSET_FRAMES: Final = 6
"""60 ms: how much speech in the window starts a turn. Clicks and line noise are shorter."""
_ONSET_WINDOW: Final = 8
_FULL_SCALE: Final = 32_768.0


@dataclass(frozen=True)
class VadSettings:
    """Effective `server_vad` settings."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


@dataclass(frozen=True)
class SpeechBegan:
    """Speech was heard: it begins at `onset_ms`, the turn `audio_start_ms` (prefix included)."""

    onset_ms: int
    audio_start_ms: int


@dataclass(frozen=True)
class SpeechEnded:
    """The silence was long enough. `audio_end_ms` includes it, as Realtime's does."""

    speech_end_ms: int
    audio_end_ms: int


class EnergyVad:
    """Feed it 10 ms frames in order; it answers with what began or ended."""

    def __init__(self, settings: VadSettings, *, start_ms: int = 0) -> None:
        self._settings = settings
        self._origin_ms = start_ms
        self._now_ms = start_ms
        self._recent: deque[bool] = deque(maxlen=_ONSET_WINDOW)
        self._last_voice_ms = start_ms
        self.speaking = False

    @property
    def onset_lookback_ms(self) -> int:
        """How much audio before now a turn that begins may reach back to."""
        return self._settings.prefix_padding_ms + (_ONSET_WINDOW + 1) * FRAME_MS

    def feed(self, frame: bytes) -> SpeechBegan | SpeechEnded | None:
        """Take the next 10 ms of L16."""
        voiced = audioop.rms(frame, 2) >= _level(self._settings.threshold)
        started_ms = self._now_ms
        self._now_ms += FRAME_MS
        if voiced:
            self._last_voice_ms = self._now_ms
        if not self.speaking:
            return self._look_for_onset(voiced=voiced, frame_ms=started_ms)
        if self._now_ms - self._last_voice_ms < self._settings.silence_duration_ms:
            return None
        self.speaking = False
        self._recent.clear()
        self._origin_ms = self._now_ms
        return SpeechEnded(speech_end_ms=self._last_voice_ms, audio_end_ms=self._now_ms)

    def _look_for_onset(self, *, voiced: bool, frame_ms: int) -> SpeechBegan | None:
        self._recent.append(voiced)
        if sum(self._recent) < _ONSET_FRAMES:
            return None
        first = list(self._recent).index(True)
        onset_ms = frame_ms - (len(self._recent) - 1 - first) * FRAME_MS
        self.speaking = True
        start_ms = max(self._origin_ms, onset_ms - self._settings.prefix_padding_ms)
        return SpeechBegan(onset_ms=onset_ms, audio_start_ms=start_ms)


def _level(threshold: float) -> float:
    """Map 0..1 to an RMS: -65 dBFS at 0, -42 dBFS at the default .5, -19 dBFS at 1."""
    decibels: float = -65 + 46 * threshold
    return float(_FULL_SCALE * 10 ** (decibels / 20))
