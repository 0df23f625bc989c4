"""An agent that hung hears late what the dialplan did: it takes back who still waits for it, and
never plays to who has gone on to a human or to a message.
"""

import json
from typing import cast
from uuid import UUID

import gevent
import pytest

from controlplane.bridge.calls import incoming_call
from controlplane.bridge.calls.call_signals import CallLeftError, RingingEnded, StreamLost
from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.channel_events import executed, parked
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.playback import Chunk
from controlplane.bridge.calls.resume_calls import resume_calls
from controlplane.bridge.calls.story import converse
from controlplane.bridge.calls.switchboard import Switchboard
from controlplane.bridge.calls.way_out import take_back
from controlplane.contracts.messages import AudioChunk, Started
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslChannelGone
from controlplane.esl.event import EslEvent
from tests.unit.bridge.one_call import OneCall
from tests.unit.bridge.test_incoming_call import call, created
from tests.waiting import block_elapse, gevent_elapse, gevent_until, outcome

pytestmark = pytest.mark.unit

DEADLINE_S = 1.0
TAKEN = EslEvent({"Application": "sched_cancel", "Caller-Destination-Number": "agent_lost"})
CHUNK = Chunk("/tmp/0.r8", AudioChunk(item="item_a", seq=0, generation=0, ms=100))


@pytest.fixture
def one() -> OneCall:
    return OneCall()


def transfers(one: OneCall) -> list[str]:
    return [command for command in one.switch.commands if command.startswith("uuid_transfer")]


def test_who_still_waits_is_taken_back(one: OneCall) -> None:
    one.switch.extension = "agent_lost"
    executed(one.context, TAKEN)
    assert [command.split()[2] for command in transfers(one)] == ["agent_back"]
    assert one.call.state is CallState.WITH_US


def test_who_is_back_from_the_dialplan_is_spoken_to(one: OneCall) -> None:
    """They have heard that they wait, be it the caller's turn or the assistant's."""
    one.connect_worker()
    one.call.worker.begins()
    talking = gevent.spawn(converse, one.context)
    parked(one.context, EslEvent({}))
    waited = Started(call_id=one.call.call_id, greeting="waited")
    gevent_until(lambda: one.switch.told == [waited])
    assert one.heard_since() == [], "at once, and not for a worker that says nothing"
    one.channel.fill_silence(prompt="busy")
    parked(one.context, EslEvent({}))
    assert one.heard_since()[-2:] == ["one_moment", "tone"]
    one.call.signal(StreamLost())
    assert outcome(talking) is None
    assert one.switch.told == [waited]


@pytest.mark.parametrize("extension", ["no_agent", "fallback", "leave_message"])
@pytest.mark.parametrize("before", [CallState.WITH_US, CallState.RINGING])
def test_who_has_gone_on_is_left_alone(one: OneCall, extension: str, before: CallState) -> None:
    one.connect_worker()
    one.playback.open()
    one.call.becomes(before)
    one.switch.extension = extension
    executed(one.context, TAKEN)
    assert transfers(one) == []
    assert f"sched_del {one.call.channel_uuid}" in one.switch.commands
    assert one.call.state is CallState.WAY_OUT
    with pytest.raises(CallLeftError):
        one.call.wait(timeout_s=DEADLINE_S)
    one.playback.add(CHUNK)
    assert one.heard_since() == []


def test_who_came_back_meanwhile_is_not_transferred_again(one: OneCall) -> None:
    one.switch.extension = "agent_back"
    executed(one.context, TAKEN)
    assert transfers(one) == []
    assert one.call.ours


def test_who_was_to_be_left_to_the_dialplan_goes_on_there(one: OneCall) -> None:
    """The command to leave them was lost with the event socket: the dialplan does it by itself."""
    one.call.becomes(CallState.WAY_OUT)
    one.switch.extension = "agent_lost"
    take_back(one.context)
    assert transfers(one) == []


def test_a_phone_that_was_never_rung_ends_its_ringing(one: OneCall) -> None:
    """The command to ring was lost, or came too late: the dialplan took the caller."""
    one.call.becomes(CallState.RINGING)
    one.switch.extension = "agent_lost"
    executed(one.context, TAKEN)
    assert [command.split()[2] for command in transfers(one)] == ["agent_back"]
    assert one.call.state is CallState.WITH_US
    assert one.call.wait(RingingEnded, timeout_s=DEADLINE_S) == RingingEnded("UNKNOWN")


def test_a_process_that_was_stopped_hears_first_what_happened_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(incoming_call, "STOPPED_S", 0.05)
    arrived = call()
    waiting = gevent.spawn(arrived.wait, StreamLost, timeout_s=0.05)
    gevent_elapse(0.01, because="the story begins to wait")
    block_elapse(0.2, because="the process is stopped")
    gevent.spawn_later(0.02, arrived.signal, StreamLost())
    assert outcome(waiting) == StreamLost()


def test_a_caller_who_hangs_up_while_calls_are_resumed_keeps_no_other_from_it() -> None:
    channels = [UUID(int=1), UUID(int=2)]
    resumed: list[UUID] = []

    class Board:
        """It has one call whose channel is gone by the time something is played on it."""

        def forget_missing(self, up: set[UUID], *, switch: str) -> None: ...

        def recognise(self, dump: EslEvent) -> IncomingCall:
            return call()

        def resume(self, found: IncomingCall) -> bool:
            resumed.append(found.channel_uuid)
            if len(resumed) == 1:
                raise EslChannelGone("-ERR No such channel!")
            return True

    class Socket:
        """It answers as FreeSWITCH does for two calls that are up."""

        def api(self, command: str) -> str:
            if command.startswith("show channels"):
                rows = [{"uuid": str(channel), "direction": "inbound"} for channel in channels]
                return json.dumps({"rows": rows})
            if command.startswith("uuid_dump"):
                return json.dumps(created(**{"Answer-State": "answered"}).headers)
            return ""

    resume_calls(cast("EslClient", Socket()), cast("Switchboard", Board()))
    assert len(resumed) == 2
