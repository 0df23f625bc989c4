"""The caller's frames go to Realtime from here, from the end of the greeting on.

Before that, the greeting's own echo must not count as speech: frames are kept, and a caller who
could not wait for its end is forwarded from their first word. While Realtime is away the last
seconds are kept too. Where frames stop in the middle of a turn, silence takes their place.
"""

from collections.abc import Callable
from typing import Final

from aiworker.call_progress import CallProgress
from aiworker.media.frames import MediaFrameError, caller_pcmu, loudness
from aiworker.media.voice_activity import VoiceActivity
from aiworker.realtime.session_link import SessionLink
from controlplane.contracts.media import L16_BYTES_PER_MS, PCMU_BYTES_PER_MS

_OVER_GREETING_MS: Final = 10_000
"""No greeting lasts as long, nor does an order said in one breath."""
_PREFIX_MS: Final = 200
"""The server's detector wants so much before speech."""
_ONE_UTTERANCE_SECONDS: Final = 1.0
"""A longer pause and what came before was something else: a cough, a word to somebody."""
_WAITING_SECONDS: Final = 1.5
"""A caller who fell silent this long before the greeting's end is waiting for an answer to it."""
_WHILE_AWAY_MS: Final = 5_000
"""Longer than this and the caller has asked "allô ?" again."""
_FRAMES_STOPPED_SECONDS: Final = 0.4
"""Frames come every 40 ms; no jitter buffer holds them up for so long."""
_MOST_FILLED_SECONDS: Final = 5.0
"""A server that does not end a turn by then never will by itself."""
_SILENT_MS: Final = bytes([0xFF]) * PCMU_BYTES_PER_MS
"""G.711 µ-law writes 0 so."""


class CallerAudio:
    """It forwards one caller's audio, or keeps it until somebody listens."""

    def __init__(
        self,
        progress: CallProgress,
        link: SessionLink,
        voice: VoiceActivity,
        *,
        complain: Callable[[str, int], None],
        clock: Callable[[], float],
    ) -> None:
        """`complain(kind, bytes)` is told of frames that cannot be read."""
        self._progress, self._link, self._voice = progress, link, voice
        self._complain, self._clock = complain, clock
        self._kept = bytearray()
        self._onset = 0
        """The caller's last utterance begins here in what is kept."""
        self._open = False
        self._heard_at = self._filled_until = clock()
        """The last frame came then, and silence was sent for the time up to then."""

    def hear(self, frame: bytes) -> None:
        """Take a frame as it came; garbage is logged and dropped."""
        try:
            pcmu = caller_pcmu(frame)
        except MediaFrameError:
            self._complain("caller_frame_unreadable", len(frame))
            return
        now = self._heard_at = self._filled_until = self._clock()
        silent_since = self._voice.last_voiced_at or 0.0
        voiced = self._voice.hear(now, rms=loudness(frame), ms=len(frame) // L16_BYTES_PER_MS)
        if voiced and now - silent_since > _ONE_UTTERANCE_SECONDS:
            self._onset = max(0, len(self._kept) - _PREFIX_MS * PCMU_BYTES_PER_MS)
        if not self._progress.listening:
            return
        if self._open and (session := self._link.current) is not None:
            session.append_audio(pcmu)
            return
        self._kept += pcmu
        most = (_WHILE_AWAY_MS if self._open else _OVER_GREETING_MS) * PCMU_BYTES_PER_MS
        self._drop(len(self._kept) - most)

    @property
    def missing_seconds(self) -> float:
        """Say how long no frame has come."""
        return self._clock() - self._heard_at

    def expect_none(self) -> None:
        """Count missing frames from now on: a human has the caller, or they are on hold."""
        self._heard_at = self._clock()

    def fill(self) -> None:
        """Send silence for the frames that do not come: no server ends a turn without any.

        A telephone that suppresses silence (RFC 3389 §5), or a network that fails, sends none.
        """
        now, session = self._clock(), self._link.current
        missing = now - self._filled_until
        stopped = _FRAMES_STOPPED_SECONDS < now - self._heard_at < _MOST_FILLED_SECONDS
        if self._open and stopped and session is not None:
            session.append_audio(_SILENT_MS * round(missing * 1_000))
            self._filled_until = now

    def open(self) -> None:
        """Listen to the caller from now on: the greeting is over."""
        if self._open:
            return
        self._open = True
        spoken_at = self._voice.last_voiced_at
        if spoken_at is None or spoken_at < self._clock() - _WAITING_SECONDS:
            self._drop(len(self._kept) - _PREFIX_MS * PCMU_BYTES_PER_MS)
        else:
            self._drop(self._onset)
        self._forward_kept()

    def session_opened(self) -> None:
        """Forward to the new session, from what was kept on."""
        self._forward_kept()

    def _drop(self, oldest: int) -> None:
        """Forget that many of the oldest bytes kept, none when negative."""
        if oldest > 0:
            del self._kept[:oldest]
            self._onset = max(0, self._onset - oldest)

    def _forward_kept(self) -> None:
        if self._open and self._kept and (session := self._link.current) is not None:
            session.append_audio(bytes(self._kept))
            self._kept.clear()
