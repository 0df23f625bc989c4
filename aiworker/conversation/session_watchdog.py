"""A Realtime session may hang, deaf to the caller though it is not closed: this finds out.

What it leaves unsaid of a response or of a turn has deadlines of its own (`turn_taking.py`).
"""

from typing import Final

from aiworker.media.voice_activity import VoiceActivity
from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.session_link import SessionLink

UNANSWERED_SPEECH_SECONDS: Final = 1.2
"""The server says "speech" within 0.3 s, "committed" 0.5 s after: it must have said something."""
PROBE_SECONDS: Final = 0.9
"""A session that does not answer a question that changes nothing by then is deaf."""
SPEECH_MS: Final = 600
"""No server can have missed so much speech."""


class SessionWatchdog:
    """It gives a session up that hangs, so that the call gets another."""

    def __init__(self, link: SessionLink, voice: VoiceActivity) -> None:
        self._link, self._voice = link, voice
        self._probed_at: float | None = None

    def tick(self, now: float) -> None:
        session = self._link.current
        if session is None:
            return
        if self._probed_at is not None:
            self._await_answer(session, self._probed_at, now)
        elif self._heard_nothing(session, now):
            self._probed_at = now
            session.probe()

    def _await_answer(self, session: RealtimeLink, probed_at: float, now: float) -> None:
        if session.heard_from_at > probed_at:
            self._probed_at = None
        elif now > probed_at + PROBE_SECONDS:
            self._probed_at = None
            session.give_up("session_deaf")

    def _heard_nothing(self, session: RealtimeLink, now: float) -> bool:
        """Say whether the caller spoke, and the server has not said anything at all since."""
        spoken_at = self._voice.last_voiced_at
        if spoken_at is None or now < spoken_at + UNANSWERED_SPEECH_SECONDS:
            return False
        began = spoken_at - 2 * SPEECH_MS / 1_000
        return session.heard_from_at < began and self._voice.voiced_ms(began) >= SPEECH_MS
