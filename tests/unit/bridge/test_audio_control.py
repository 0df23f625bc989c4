"""What a worker commands about its audio is answered once, from what FreeSWITCH says was heard."""

import json

import pytest

from controlplane.bridge.calls import audio_control
from controlplane.bridge.calls.audio_control import MAX_MARKS, AudioControl
from controlplane.bridge.calls.call_signals import PlaybackDrained
from controlplane.bridge.calls.call_state import StreamState
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.playback import Playback
from controlplane.contracts.messages import Cleared, Marked, Message
from controlplane.esl.errors import EslTimeout
from controlplane.esl.event import EslEvent
from tests.unit.bridge.test_incoming_call import call
from tests.waiting import gevent_until

pytestmark = pytest.mark.unit

SOON_S = 0.05


def chunk(seq: int) -> dict[str, object]:
    """What mod_audio_stream says of a `streamAudio` message: its file, and the worker's keys."""
    body = {"file": f"/tmp/{seq}.r8", "audioDataType": "raw", "sampleRate": 8000}
    return {**body, "item": "item_a", "seq": seq, "generation": 0, "ms": 100}


class Desk:
    """One call whose worker speaks: what FreeSWITCH plays, and what the worker is told."""

    def __init__(self) -> None:
        self.call: IncomingCall = call()
        self.call.becomes(StreamState.ATTACHED)
        self.playing: list[str] = []
        self.executions: dict[str, str] = {}
        self.told: list[Message] = []
        self.playback = Playback(play=self.play, stop=self.stop, remove=lambda _: None)
        self.playback.open()
        self.audio = AudioControl(self.call, self.playback, tell_worker=self.told.append)
        self.failure: Exception | None = None

    def play(self, file: str, execution: str) -> None:
        self.playing.append(file)
        self.executions[file] = execution

    def stop(self) -> None:
        if self.failure is not None:
            raise self.failure

    def speak(self, seq: int) -> None:
        self.audio.chunk_arrived(EslEvent({}, json.dumps(chunk(seq))))

    def heard(self, seq: int, ms: int = 100, *, response: str = "FILE PLAYED") -> None:
        event = EslEvent(
            {
                "Application": "playback",
                "Application-UUID": self.executions[f"/tmp/{seq}.r8"],
                "Application-Response": response,
                "variable_playback_last_offset_pos": str(ms * 8),
            }
        )
        self.audio.playback_ended(event)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_clear_is_answered_when_freeswitch_has_stopped(desk: Desk) -> None:
    desk.speak(0)
    desk.audio.clear(1)
    assert desk.told == []
    desk.heard(0, ms=40)
    assert desk.told == [Cleared(generation=1, item="item_a", played_ms=40)]


def test_a_clear_of_silence_is_answered_at_once(desk: Desk) -> None:
    desk.audio.clear(1)
    assert desk.told == [Cleared(generation=1)]


def test_a_clear_is_answered_at_its_deadline_and_only_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_control, "STOP_DEADLINE_S", SOON_S)
    desk.speak(0)
    desk.audio.clear(1)
    gevent_until(lambda: desk.told == [Cleared(generation=1)])
    desk.heard(0, ms=40)
    assert len(desk.told) == 1


def test_a_clear_freeswitch_did_not_answer_is_not_waited_for(desk: Desk) -> None:
    desk.speak(0)
    desk.failure = EslTimeout("uuid_break")
    with pytest.raises(EslTimeout):
        desk.audio.clear(1)
    desk.heard(0)
    assert desk.told == []


def test_a_worker_that_is_gone_is_told_nothing(desk: Desk) -> None:
    desk.speak(0)
    desk.audio.clear(1)
    desk.call.becomes(StreamState.DETACHED)
    desk.heard(0)
    assert desk.told == []


def test_a_file_that_could_not_be_played_was_not_heard(desk: Desk) -> None:
    """The variable still holds the position of the playback before."""
    desk.speak(0)
    desk.audio.mark(0)
    desk.heard(0, response="FILE NOT FOUND")
    assert desk.told == []
    assert desk.playback.idle


def test_a_mark_is_answered_once_its_chunk_was_heard(desk: Desk) -> None:
    desk.speak(0)
    desk.speak(1)
    desk.audio.mark(1)
    desk.heard(0)
    assert desk.told == []
    desk.heard(1)
    assert desk.told == [Marked(seq=1)]
    desk.audio.mark(0)
    assert desk.told == [Marked(seq=1), Marked(seq=0)]


def test_marks_are_bounded_and_forgotten_by_a_clear(desk: Desk) -> None:
    for seq in range(MAX_MARKS + 5):
        desk.audio.mark(seq)
    assert len(desk.audio._marks) == MAX_MARKS
    desk.audio.clear(1)
    assert desk.audio._marks == []


def test_another_worker_is_not_answered_what_the_first_asked(desk: Desk) -> None:
    desk.speak(0)
    desk.audio.mark(0)
    desk.audio.clear(7)
    desk.audio.restart()
    desk.playback.open()
    desk.speak(0)
    desk.heard(0)
    assert desk.told == []


@pytest.mark.parametrize("changes", [{"generation": -1}, {"seq": "x"}, {"more": 1}, {"ms": 0}])
def test_an_unreadable_chunk_is_dropped(desk: Desk, changes: dict[str, object]) -> None:
    desk.audio.chunk_arrived(EslEvent({}, json.dumps(chunk(0) | changes)))
    assert desk.playing == []


def test_a_chunk_that_is_no_json_is_dropped(desk: Desk) -> None:
    desk.audio.chunk_arrived(EslEvent({}, "streamAudio"))
    assert desk.playing == []


def test_the_story_hears_that_everything_was_heard(desk: Desk) -> None:
    desk.speak(0)
    desk.heard(0)
    assert desk.call.wait(PlaybackDrained, timeout_s=SOON_S) == PlaybackDrained()
