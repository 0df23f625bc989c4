"""A Realtime session that hangs is asked once, then given up; one that lives never is."""

from typing import cast

import pytest

from aiworker.conversation.session_watchdog import (
    PROBE_SECONDS,
    UNANSWERED_SPEECH_SECONDS,
    SessionWatchdog,
)
from aiworker.media.voice_activity import VoiceActivity
from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.session_link import SessionLink
from tests.unit.aiworker.one_call import RecordedSession

pytestmark = pytest.mark.unit

BEGAN = 1_000.0
SPOKE_UNTIL = BEGAN + 2


class Watched:
    """A watchdog over a session that last said something at `BEGAN`."""

    def __init__(self) -> None:
        self.session = RecordedSession(BEGAN)
        self.link = SessionLink()
        self.link.attach(cast("RealtimeLink", self.session))
        self.voice = VoiceActivity()
        self.watchdog = SessionWatchdog(self.link, self.voice)

    def hear_speech(self, ms: int) -> None:
        """The caller speaks for so long, until `SPOKE_UNTIL`."""
        for at in range(0, ms, 40):
            self.voice.hear(SPOKE_UNTIL - (ms - at - 40) / 1_000, rms=3_000, ms=40)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_server_deaf_to_speech_is_asked_then_given_up(watched: Watched) -> None:
    watched.hear_speech(800)
    asked_at = SPOKE_UNTIL + UNANSWERED_SPEECH_SECONDS
    watched.watchdog.tick(asked_at - 0.1)
    assert watched.session.probes == 0
    watched.watchdog.tick(asked_at)
    watched.watchdog.tick(asked_at + PROBE_SECONDS)
    assert (watched.session.probes, watched.session.given_up) == (1, None)
    watched.watchdog.tick(asked_at + PROBE_SECONDS + 0.1)
    assert watched.session.given_up == "session_deaf"


def test_an_answer_to_the_question_is_enough(watched: Watched) -> None:
    watched.hear_speech(800)
    asked_at = SPOKE_UNTIL + UNANSWERED_SPEECH_SECONDS
    watched.watchdog.tick(asked_at)
    watched.session.heard_from_at = asked_at + 0.1
    watched.watchdog.tick(asked_at + 5)
    assert (watched.session.probes, watched.session.given_up) == (1, None)


def test_a_cough_is_nothing_a_server_must_hear(watched: Watched) -> None:
    watched.hear_speech(400)
    watched.watchdog.tick(SPOKE_UNTIL + 3)
    assert watched.session.probes == 0


def test_without_a_session_there_is_nothing_to_watch(watched: Watched) -> None:
    watched.hear_speech(800)
    watched.link.detach()
    watched.watchdog.tick(SPOKE_UNTIL + 3)
    assert watched.session.probes == 0
