"""The loudness of the caller's audio says whether they speak, with no network in between. Pure.

Used to tell speech from noise within half a second of an interruption; the turns themselves are the
Realtime server's to detect.
"""

from collections import deque
from typing import Final

QUIETEST_SPEECH: Final = 300
"""Line noise and our own echo stay under this RMS of L16; telephone speech is above 1,000."""
_OVER_NOISE: Final = 3.0
"""Speech stands about 10 dB out of the background."""
_NOISE_RISES: Final = 0.02
_NOISE_FALLS: Final = 0.2
REMEMBERED_SECONDS: Final = 3.0


class VoiceActivity:
    """It remembers the last three seconds of one caller."""

    def __init__(self) -> None:
        self._noise = QUIETEST_SPEECH / _OVER_NOISE
        self._voiced: deque[tuple[float, int]] = deque()
        self.last_voiced_at: float | None = None

    def hear(self, now: float, *, rms: int, ms: int) -> bool:
        """Take a frame that has just ended. Returns whether it is speech."""
        voiced = rms > max(QUIETEST_SPEECH, self._noise * _OVER_NOISE)
        pace = _NOISE_FALLS if rms < self._noise else _NOISE_RISES
        self._noise += (min(rms, 4 * QUIETEST_SPEECH) - self._noise) * pace
        while self._voiced and self._voiced[0][0] < now - REMEMBERED_SECONDS:
            self._voiced.popleft()
        if voiced:
            self._voiced.append((now, ms))
            self.last_voiced_at = now
        return voiced

    def voiced_ms(self, since: float) -> int:
        """Count speech heard after that moment."""
        return sum(ms for at, ms in self._voiced if at > since)
