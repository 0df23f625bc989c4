"""A worker's call whose bridge, stream or Realtime session is gone ends by itself, and its slot is
free again: nobody else will end it. In virtual time.
"""

import pytest

from aiworker.simulator.faults import Fault, FaultKind
from tests.unit.aiworker.virtual_call import VirtualCall, played
from tests.unit.aiworker.virtual_realtime import VirtualRealtime

pytestmark = pytest.mark.unit

SOON_S = 180.0
"""An abandoned call has its slot for three minutes at most."""

NO_SESSION = Fault(kind=FaultKind.HANG_ON_CONNECT)


def left_alone(*faults: Fault, **how: float) -> VirtualCall:
    return played(VirtualRealtime(*faults), **how)


def lasted_s(call: VirtualCall) -> float:
    return call.left_at - call.began_at


@pytest.mark.parametrize("after", [0.1, 3.0, 6.0])
def test_whose_bridge_obeys_nothing_any_more(after: float) -> None:
    """The agent is dead, or was without FreeSWITCH when it was asked; the caller's frames come."""
    call = left_alone(deaf_after=after)
    assert call.end == "not_ended"
    assert call.unheard.count("hangup") > 3
    assert lasted_s(call) < SOON_S


@pytest.mark.parametrize("after", [0.1, 3.0, 6.0])
def test_whose_stream_brings_nothing_any_more(after: float) -> None:
    call = left_alone(mute_after=after)
    assert call.end == "no_audio"
    assert lasted_s(call) < SOON_S


def test_whose_realtime_sessions_cannot_be_had() -> None:
    """The bridge is asked for a human, and rings one."""
    call = left_alone(NO_SESSION)
    assert call.end == "transfer"
    assert lasted_s(call) < SOON_S


def test_whose_session_is_gone_and_whose_bridge_is_too() -> None:
    call = left_alone(NO_SESSION, deaf_after=0.5)
    assert call.end == "transferred"
    assert call.unheard.count("transfer") == 1
    assert lasted_s(call) < SOON_S


def test_whose_session_is_lost_in_mid_call_and_whose_bridge_is_too() -> None:
    lost = Fault(kind=FaultKind.CLOSE, code=1011, on="response.created", nth=2, connection=1)
    hangs = [Fault(kind=FaultKind.HANG_ON_CONNECT, connection=n) for n in range(2, 9)]
    call = left_alone(lost, *hangs, deaf_after=4.0)
    assert call.end == "transferred"
    assert lasted_s(call) < SOON_S
