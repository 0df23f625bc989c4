"""A call of which some Realtime events are lost, late, doubled or swapped, and what is wrong with
it for its caller or for the kitchen.
"""

from collections.abc import Iterator
from typing import Final

from aiworker.simulator.faults import Fault
from tests.unit.aiworker.virtual_call import VirtualCall, played
from tests.unit.aiworker.virtual_realtime import ANSWERS, VirtualRealtime

LONGEST_SILENCE_S: Final = 3.0


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
