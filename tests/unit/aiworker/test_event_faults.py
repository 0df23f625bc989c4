"""Whatever Realtime leaves unsaid, says late, twice or in another order, a caller who orders hears
something within 3 s, has every question answered once, and one order in the kitchen.

Each event of a whole call is met by each fault in turn; hypothesis tries two faults at once.
"""

from collections import Counter
from typing import Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiworker.simulator.faults import Fault, FaultKind
from tests.unit.aiworker.faulty_call import has, wrongs
from tests.unit.aiworker.virtual_call import VirtualCall

pytestmark = pytest.mark.unit

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
"""The worker has no use for these: what matters of them is which other event they are swapped with.
"""
_MANY: Final = 14


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


def occurrences(call: VirtualCall, kind: FaultKind, event: str) -> list[int]:
    """Which events of a type are met: all, or of very many some, the first and last included; of
    those without use the first and the last, unless they change places with others.
    """
    count = Counter(call.realtime.pipes[0].sent)[event]
    if event in ONLY_SENT and kind is not FaultKind.SWAP:
        return sorted({1, count})
    step = 1 if count <= _MANY and event in ACTED_ON else -(-count // 4)
    return sorted({*range(1, count + 1, step), count})


def failures(call: VirtualCall, kind: FaultKind, event: str, **how: object) -> list[str]:
    """What goes wrong when one event of a call like this one is met."""
    found = []
    for nth in occurrences(call, kind, event):
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


def lost(nth: int) -> Fault:
    return Fault(kind=FaultKind.DROP, on="response.output_audio.delta", nth=nth)


@settings(max_examples=60)
@given(TWO, TWO)
@example(lost(1), lost(2))
def test_two_events_at_once_may(first: Fault, second: Fault) -> None:
    assert list(wrongs(has(first, second))) == []
