"""Whatever Realtime leaves unsaid, says late, twice or in another order, a caller who orders hears
something within 3 s, has every question answered once, and one order in the kitchen.

Each event of a whole call is met by each fault in turn; hypothesis tries two faults at once.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiworker.simulator.brain import Answer, Call, Say, Turn
from aiworker.simulator.faults import Fault, FaultKind
from aiworker.simulator.link import SimulatorSettings
from tests.unit.aiworker.virtual_call import VirtualCall, played
from tests.unit.aiworker.virtual_realtime import ANSWERS, VirtualRealtime

pytestmark = pytest.mark.unit

LONGEST_SILENCE_S: Final = 3.0
LATE_MS: Final = 8_000
ON_THE_WIRE: Final = (FaultKind.DROP, FaultKind.DELAY, FaultKind.DOUBLE, FaultKind.SWAP)

ACTED_ON: Final = (
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.input_audio_transcription.completed",
    "response.created",
    "response.output_item.done",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.done",
)
ONLY_SENT: Final = (
    "session.created",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.input_audio_transcription.delta",
    "rate_limits.updated",
    "response.output_item.added",
    "response.content_part.added",
    "response.content_part.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
)
"""The worker has no use for these; they are what another event is swapped with."""
_MANY: Final = 14


def has(*faults: Fault, **how: object) -> VirtualCall:
    """A call that meets these faults in its first session."""
    first = [fault.model_copy(update={"connection": 1}) for fault in faults]
    return played(VirtualRealtime(*first), **how)


def wrongs(call: VirtualCall) -> Iterator[str]:
    """What the caller, or the kitchen, would complain of."""
    if call.over != "done":
        yield call.over
    if (silence := call.longest_silence()) > LONGEST_SILENCE_S:
        yield f"{silence:.1f} s of silence"
    for sentence, answer in enumerate(ANSWERS):
        times, asked = call.times_said(answer), call.times_asked(sentence)
        cut_short = call.interrupts and sentence == 0
        if times > asked or (times < 1 and not cut_short):
            yield f"« {answer} » said {times} times, asked for {asked} times"
    ordered = [[(line.name, line.quantity) for line in order.lines] for order in call.orders]
    if ordered != [[("Margherita", 1)]]:
        yield f"ordered {ordered}"


@pytest.fixture(scope="module")
def healthy() -> VirtualCall:
    return has()


@pytest.fixture(scope="module")
def interrupted() -> VirtualCall:
    return has(interrupts=True)


def test_without_a_fault_the_caller_hears_four_answers_and_no_filler(healthy: VirtualCall) -> None:
    assert list(wrongs(healthy)) == []
    assert all(one.item is not None for one in healthy.heard)
    assert set(healthy.realtime.pipes[0].sent) == {*ACTED_ON, *ONLY_SENT}


def occurrences(call: VirtualCall, event: str) -> list[int]:
    """Which events of a type are met: all, or of very many some, the last included."""
    count = Counter(call.realtime.pipes[0].sent)[event]
    step = 1 if count <= _MANY and event in ACTED_ON else -(-count // 4)
    return sorted({*range(1, count + 1, step), count} - {0})


def failures(call: VirtualCall, kind: FaultKind, event: str, **how: object) -> list[str]:
    """What goes wrong when one event of a call like this one is met."""
    found = []
    for nth in occurrences(call, event):
        met = has(Fault(kind=kind, on=event, nth=nth, ms=LATE_MS), **how)
        found += [f"{event} {nth}: {wrong}" for wrong in wrongs(met)]
    return found


@pytest.mark.parametrize("kind", ON_THE_WIRE)
@pytest.mark.parametrize("event", [*ACTED_ON, *ONLY_SENT])
def test_each_event_may_be_lost_late_doubled_or_swapped(
    healthy: VirtualCall, kind: FaultKind, event: str
) -> None:
    assert failures(healthy, kind, event) == []


@pytest.mark.parametrize("kind", ON_THE_WIRE)
@pytest.mark.parametrize("event", ACTED_ON)
def test_so_it_may_in_a_call_in_which_the_caller_interrupts(
    interrupted: VirtualCall, kind: FaultKind, event: str
) -> None:
    assert list(wrongs(interrupted)) == []
    assert failures(interrupted, kind, event, interrupts=True) == []


TWO: Final = st.builds(
    Fault,
    kind=st.sampled_from(ON_THE_WIRE),
    on=st.sampled_from(ACTED_ON),
    nth=st.integers(1, 8),
    ms=st.sampled_from([300, 2_000, LATE_MS]),
)


@settings(max_examples=60)
@given(TWO, TWO)
def test_two_events_at_once_may(first: Fault, second: Fault) -> None:
    assert list(wrongs(has(first, second))) == []


# --- The whole of a kind is lost -----------------------------------------------------------------

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


def test_requests_carry_a_name_that_an_error_can_be_matched_with(healthy: VirtualCall) -> None:
    events = [json.loads(event) for event in healthy.realtime.pipes[0].received]
    names = [event["event_id"] for event in events if event["type"] == "response.create"]
    assert len(names) == len(set(names)) == 7
