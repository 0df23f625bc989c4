"""Realtime gets what a caller says before the greeting is over, and in its order."""

import struct
from typing import cast

import pytest
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from aiworker.call_progress import CallProgress
from aiworker.media.caller_audio import CallerAudio
from aiworker.media.voice_activity import VoiceActivity
from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.session_link import SessionLink
from controlplane.contracts.media import PCMU_BYTES_PER_MS

pytestmark = pytest.mark.unit

FRAME_MS = 40
SPEECH = struct.pack("<h", 6_000) * (8 * FRAME_MS)
SILENCE = bytes(2 * 8 * FRAME_MS)


class Caller:
    """Speaks and falls silent into a worker, on a clock of their own."""

    def __init__(self) -> None:
        self.now = 100.0
        self.forwarded = bytearray()
        self.complaints: list[str] = []
        self.link = SessionLink()
        self.caller_audio = CallerAudio(
            CallProgress(),
            self.link,
            VoiceActivity(),
            complain=lambda kind, _: self.complaints.append(kind),
            clock=lambda: self.now,
        )
        self.link.attach(cast("RealtimeLink", self))

    def append_audio(self, pcmu: bytes) -> None:
        self.forwarded += pcmu

    def speak(self, ms: int) -> None:
        self._send(SPEECH, ms)

    def wait(self, ms: int) -> None:
        self._send(SILENCE, ms)

    @property
    def forwarded_ms(self) -> int:
        return len(self.forwarded) // PCMU_BYTES_PER_MS

    def _send(self, frame: bytes, ms: int) -> None:
        for _ in range(ms // FRAME_MS):
            self.now += FRAME_MS / 1_000
            self.caller_audio.hear(frame)


@pytest.fixture
def caller() -> Caller:
    return Caller()


def test_nothing_is_forwarded_while_the_greeting_plays(caller: Caller) -> None:
    caller.speak(2_000)
    assert caller.forwarded_ms == 0


def test_a_caller_who_waited_loses_nothing_and_adds_little(caller: Caller) -> None:
    caller.wait(5_000)
    caller.caller_audio.open()
    assert caller.forwarded_ms == 200
    caller.speak(400)
    assert caller.forwarded_ms == 600


def test_a_caller_who_could_not_wait_is_heard_from_the_first_word(caller: Caller) -> None:
    caller.wait(2_000)
    caller.speak(3_000)
    caller.caller_audio.open()
    assert 3_000 <= caller.forwarded_ms <= 3_000 + 200 + FRAME_MS


def test_pauses_between_words_are_part_of_what_was_said(caller: Caller) -> None:
    caller.wait(2_000)
    caller.speak(1_000)
    caller.wait(400)
    caller.speak(1_000)
    caller.wait(800)
    caller.caller_audio.open()
    assert 3_200 <= caller.forwarded_ms <= 3_200 + 200 + FRAME_MS


def test_a_cough_early_in_the_greeting_is_not_an_utterance(caller: Caller) -> None:
    caller.wait(1_000)
    caller.speak(200)
    caller.wait(4_000)
    caller.caller_audio.open()
    assert caller.forwarded_ms == 200


def test_what_is_kept_is_bounded(caller: Caller) -> None:
    caller.speak(30_000)
    caller.caller_audio.open()
    assert caller.forwarded_ms == 10_000


def test_while_realtime_is_away_the_last_seconds_are_kept(caller: Caller) -> None:
    caller.wait(1_000)
    caller.caller_audio.open()
    caller.link.detach()
    caller.forwarded.clear()
    caller.speak(8_000)
    caller.link.attach(cast("RealtimeLink", caller))
    caller.caller_audio.session_opened()
    assert caller.forwarded_ms == 5_000


def test_an_unreadable_frame_is_complained_of(caller: Caller) -> None:
    caller.caller_audio.hear(b"\x00")
    assert caller.complaints == ["caller_frame_unreadable"]


def test_an_order_said_over_the_greeting_is_sent_whole(caller: Caller) -> None:
    """A session that took 5 s at a time lost its beginning."""
    link = RealtimeLink(cast("AsyncRealtimeConnection", None))
    caller.link.attach(link)
    caller.speak(9_600)
    caller.caller_audio.open()
    assert len(link._audio) == 9_600 * PCMU_BYTES_PER_MS
