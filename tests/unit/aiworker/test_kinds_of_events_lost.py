"""A Realtime session that never sends a kind of event, answers nothing, or closes while a tool runs
leaves no caller without an answer and no order undone. In virtual time.
"""

import json
from typing import Final

import pytest

from aiworker.simulator.brain import Answer, Call, Say, Turn
from aiworker.simulator.faults import Fault, FaultKind
from aiworker.simulator.link import SimulatorSettings
from tests.unit.aiworker.faulty_call import LONGEST_SILENCE_S, has, wrongs
from tests.unit.aiworker.virtual_call import played
from tests.unit.aiworker.virtual_realtime import ANSWERS, VirtualRealtime

pytestmark = pytest.mark.unit

FOR_GOOD: Final = 1_000


@pytest.mark.parametrize(
    "events",
    [
        ("response.created",),
        ("response.done",),
        ("response.output_item.done",),
        ("response.output_audio.done", "response.output_item.done"),
        ("input_audio_buffer.speech_started",),
        ("input_audio_buffer.speech_stopped", "input_audio_buffer.committed"),
        (
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.input_audio_transcription.completed",
        ),
    ],
    ids=" ".join,
)
def test_a_session_may_never_send_an_event(events: tuple[str, ...]) -> None:
    lost = [Fault(kind=FaultKind.DROP, on=event, times=FOR_GOOD) for event in events]
    assert list(wrongs(has(*lost))) == []


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.REJECT])
@pytest.mark.parametrize(("nth", "times", "sessions"), [(1, 1, 1), (3, 1, 1), (1, FOR_GOOD, 2)])
def test_a_response_that_is_never_created_is_asked_for_again(
    kind: FaultKind, nth: int, times: int, sessions: int
) -> None:
    call = has(Fault(kind=kind, on="response.create", nth=nth, times=times))
    assert list(wrongs(call)) == []
    assert len(call.realtime.pipes) == sessions, "a healthy session is not thrown away"


@pytest.mark.parametrize(
    ("fault", "sessions"),
    [
        (Fault(kind=FaultKind.MUTE, times=1), 1),
        (Fault(kind=FaultKind.MUTE), 2),
        (Fault(kind=FaultKind.SLOW, ms=5_000), 1),
        (Fault(kind=FaultKind.STALL, ms=60_000, times=1), 1),
        (Fault(kind=FaultKind.RESPONSE_FAILED, times=2), 1),
        (Fault(kind=FaultKind.RESPONSE_INCOMPLETE, reason="content_filter", times=2), 1),
        (Fault(kind=FaultKind.DONE_WITHOUT_CREATED, times=1), 1),
        (Fault(kind=FaultKind.CLOSE, code=1011, on="response.created", nth=2), 2),
        (Fault(kind=FaultKind.CLOSE, code=1000, on="response.output_audio.delta", nth=2), 2),
    ],
    ids=lambda value: str(value.kind) if isinstance(value, Fault) else "",
)
def test_a_response_that_comes_to_nothing_is_made_good(fault: Fault, sessions: int) -> None:
    call = has(fault)
    assert list(wrongs(call)) == []
    assert len(call.realtime.pipes) == sessions


# --- Tools ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool_seconds", [0.3, 3.0])
def test_a_tool_s_result_outlives_its_session_and_is_told_once(tool_seconds: float) -> None:
    """1 the order is being placed, 2 the session closes, 3 the next hangs, 4 the third tells."""
    close = Fault(
        kind=FaultKind.CLOSE, on="response.output_item.done", nth=5, after_ms=150, connection=1
    )
    hang = Fault(kind=FaultKind.HANG_ON_CONNECT, connection=2)
    call = played(VirtualRealtime(close, hang), tool_seconds=tool_seconds)
    assert list(wrongs(call)) == []
    assert call.realtime.told("Résultat de place_order") == 1
    assert len(call.realtime.pipes) == 3


class LooksUpForEver:
    """It takes a tool for as long as it may."""

    def respond(self, turn: Turn) -> Answer:
        return Answer([Call.of("look_up_menu") if turn.tools else Say(ANSWERS[0])])


def test_a_model_that_only_uses_tools_is_made_to_speak() -> None:
    slow = SimulatorSettings(think_ms=600)
    call = played(VirtualRealtime(brain=LooksUpForEver, settings=slow), sentences=1)
    assert call.over == "done"
    assert call.realtime.pipes[0].sent.count("response.function_call_arguments.done") == 8
    assert call.heard[0].item is None, "a filler"
    assert call.heard[0].begins < call.said[0].ends + LONGEST_SILENCE_S
    assert call.longest_silence() <= LONGEST_SILENCE_S


# --- Keys ----------------------------------------------------------------------------------------


def test_keys_pressed_during_the_greeting_are_answered_after_it() -> None:
    call = played(VirtualRealtime(), greeting=True, keys={0.5: "1", 0.9: "2"})
    assert call.realtime.told("touche 1, 2.") == 1
    assert call.heard[0].begins > call.began_at + 2, "nothing is said over the greeting"


def test_a_key_pressed_before_there_is_a_session_is_kept() -> None:
    hang = Fault(kind=FaultKind.HANG_ON_CONNECT, connection=1)
    call = played(VirtualRealtime(hang), keys={0.2: "1"})
    assert call.realtime.told("touche 1.") == 1
    assert list(wrongs(call)) == []


def test_requests_carry_a_name_that_an_error_can_be_matched_with() -> None:
    events = [json.loads(event) for event in has().realtime.pipes[0].received]
    names = [event["event_id"] for event in events if event["type"] == "response.create"]
    assert len(names) == len(set(names)) == 7
