"""The agent's ear: the caller's frames on their way to Realtime, from the end of the greeting on.

Before that, the greeting's own echo must not count as speech: frames are kept, and only a caller
who speaks over its end is forwarded from the second before it. While Realtime is away the last
seconds are kept too.
"""

import time
from typing import Final

from aiworker.media_frames import MediaFrameError, caller_pcmu, loudness
from aiworker.media_stream import MediaStream
from aiworker.realtime import RealtimeLink
from aiworker.voice_activity import VoiceActivity
from controlplane.contracts.media import L16_BYTES_PER_MS, PCMU_BYTES_PER_MS

_BEFORE_GREETING_ENDS_MS: Final = 1_000
"""A caller who speaks over the last word of the greeting is heard from the first of theirs."""
_PREFIX_MS: Final = 200
"""What the server's detector wants before speech, when nobody spoke over the greeting."""
_WHILE_AWAY_MS: Final = 5_000
"""Longer than this and the caller has asked "allô ?" again."""
_SPEAKING_SECONDS: Final = 0.4


class Ear:
    """One caller's audio."""

    def __init__(self, stream: MediaStream, voice: VoiceActivity) -> None:
        self._stream, self._voice = stream, voice
        self._link: RealtimeLink | None = None
        self._kept = bytearray()
        self._open = False
        self.closed = False
        """True while a human rings: nobody listens here."""

    def hear(self, frame: bytes) -> None:
        """Take a frame as it came; garbage is logged and dropped."""
        try:
            pcmu = caller_pcmu(frame)
        except MediaFrameError:
            self._stream.complain("caller_frame_unreadable", len(frame))
            return
        now = time.monotonic()
        self._voice.hear(now, rms=loudness(frame), ms=len(frame) // L16_BYTES_PER_MS)
        if self.closed:
            return
        if self._open and self._link is not None:
            self._link.append_audio(pcmu)
            return
        self._kept += pcmu
        most = (_WHILE_AWAY_MS if self._open else _BEFORE_GREETING_ENDS_MS) * PCMU_BYTES_PER_MS
        if len(self._kept) > most:
            del self._kept[: len(self._kept) - most]

    def open(self) -> None:
        """The greeting is over: from now on the caller is listened to."""
        if self._open:
            return
        self._open = True
        spoken_at = self._voice.last_voiced_at
        if spoken_at is None or spoken_at < time.monotonic() - _SPEAKING_SECONDS:
            del self._kept[: -_PREFIX_MS * PCMU_BYTES_PER_MS]
        self._forward_kept()

    def attach(self, link: RealtimeLink | None) -> None:
        """Forward to this session, from what was kept on; None: keep."""
        self._link = link
        self._forward_kept()

    def _forward_kept(self) -> None:
        if self._open and self._link is not None and self._kept:
            self._link.append_audio(bytes(self._kept))
            self._kept.clear()
