"""What a story missed while the event socket was away is made up for, event by event."""

import gevent
import pytest

from controlplane.bridge.calls import way_out
from controlplane.bridge.calls.call_signals import (
    CallEndedError,
    CallLeftError,
    EventsMissed,
    PlaybackDrained,
    RingingEnded,
    StreamLost,
)
from controlplane.bridge.calls.call_state import CallState, GreetingState, StreamState
from controlplane.bridge.calls.catch_up import catch_up, hang_up_missed
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.playback import Chunk
from controlplane.bridge.calls.story import begin_again, converse
from controlplane.bridge.calls.way_out import wait_for_end
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import AudioChunk, GreetingEnded, Marked, Started
from tests.unit.bridge.one_call import OneCall
from tests.unit.bridge.test_incoming_call import call
from tests.waiting import gevent_until, outcome

pytestmark = pytest.mark.unit

DEADLINE_S = 1.0
CHUNK = Chunk("/tmp/0.r8", AudioChunk(item="item_a", seq=0, generation=0, ms=100))


@pytest.fixture
def one() -> OneCall:
    return OneCall()


def found(**changes: object) -> IncomingCall:
    """How the call stands in FreeSWITCH: past its greeting and with us, unless `changes` say."""
    stands = call()
    for name, value in {"greeting": GreetingState.OVER, **changes}.items():
        setattr(stands, name, value)
    return stands


def signals(one: OneCall) -> list[type]:
    waiting = [one.call.signals.get_nowait() for _ in range(one.call.signals.qsize())]
    return [type(signal) for signal in waiting if not isinstance(signal, PlaybackDrained)]


def test_the_greetings_end_was_missed(one: OneCall) -> None:
    one.call.greeting = GreetingState.PLAYING
    one.connect_worker()
    catch_up(one.context, found(stream=StreamState.ATTACHED))
    assert one.call.parked
    assert one.switch.told == [GreetingEnded()]
    one.playback.add(CHUNK)
    assert one.heard_since() == ["0"]


def test_a_human_picked_up_unseen(one: OneCall) -> None:
    one.connect_worker()
    one.call.becomes(CallState.RINGING)
    catch_up(one.context, found(state=CallState.WITH_HUMAN, stream=StreamState.ATTACHED))
    assert one.call.state is CallState.WITH_HUMAN
    assert one.call.outcome is CallOutcome.TRANSFERRED
    assert not one.call.streaming
    assert signals(one) == [CallLeftError]


def test_nobody_picked_up_unseen(one: OneCall) -> None:
    one.connect_worker()
    one.call.becomes(CallState.RINGING)
    catch_up(one.context, found(stream=StreamState.ATTACHED, rang="NO_ANSWER"))
    assert one.call.state is CallState.WITH_US
    assert one.call.wait(RingingEnded, timeout_s=DEADLINE_S) == RingingEnded("NO_ANSWER")


def test_somebody_is_still_being_rung(one: OneCall) -> None:
    one.connect_worker()
    one.call.becomes(CallState.RINGING)
    for standing in (CallState.RINGING, CallState.WITH_US):  # before it, the announcement plays
        catch_up(one.context, found(state=standing, stream=StreamState.ATTACHED))
    assert one.call.state is CallState.RINGING
    assert signals(one) == []


@pytest.mark.parametrize("before", [CallState.WITH_US, CallState.RINGING])
def test_the_dialplan_took_the_caller_unseen(one: OneCall, before: CallState) -> None:
    one.call.becomes(before)
    catch_up(one.context, found(state=CallState.WAY_OUT))
    assert one.call.state is CallState.WAY_OUT
    assert one.call.outcome is CallOutcome.UNSERVED
    assert signals(one) == [CallLeftError]


def test_the_stream_ended_unseen(one: OneCall) -> None:
    one.connect_worker()
    catch_up(one.context, found())
    assert not one.call.streaming
    assert signals(one) == [StreamLost]


def test_what_was_played_unseen_counts_as_heard(one: OneCall) -> None:
    one.connect_worker()
    one.playback.open()
    one.playback.add(CHUNK)
    one.context.audio.mark(0)
    assert not one.playback.idle
    catch_up(one.context, found(stream=StreamState.ATTACHED))
    assert one.playback.idle
    assert one.switch.told == [Marked(seq=0)]


@pytest.mark.parametrize("waits", [False, True])
def test_what_the_worker_said_unseen_is_said_again(one: OneCall, *, waits: bool) -> None:
    """Its files are there, but nobody was told of them. A caller who waits hears the tone go on."""
    one.connect_worker()
    if waits:
        one.channel.fill_silence(prompt="busy")
        one.heard_since()
    catch_up(one.context, found(stream=StreamState.ATTACHED))
    assert one.call.wait(EventsMissed, timeout_s=DEADLINE_S) == EventsMissed()
    begin_again(one.context)
    greeting = "waited" if waits else "ended"
    assert one.switch.told == [Started(call_id=one.call.call_id, greeting=greeting)]
    assert one.heard_since() == ([] if waits else ["stop"])
    one.playback.add(CHUNK)
    assert one.heard_since()[-1] == "0"


def test_a_conversation_whose_events_were_missed_goes_on(one: OneCall) -> None:
    one.connect_worker()
    one.call.worker.begins()
    talking = gevent.spawn(converse, one.context)
    catch_up(one.context, found(stream=StreamState.ATTACHED))
    started = Started(call_id=one.call.call_id, greeting="ended")
    gevent_until(lambda: one.switch.told == [started])
    one.call.signal(StreamLost())
    assert outcome(talking) is None
    assert one.switch.told == [started]


@pytest.mark.parametrize(
    ("same_switch", "message", "ends"),
    [
        (True, False, CallOutcome.INFORMATION),
        (False, False, CallOutcome.ERROR),
        (True, True, CallOutcome.MESSAGE),
        (False, True, CallOutcome.MESSAGE),
    ],
)
def test_the_caller_hung_up_unseen(
    one: OneCall, *, same_switch: bool, message: bool, ends: CallOutcome
) -> None:
    one.call.outcome = CallOutcome.INFORMATION
    one.message_left = message
    hang_up_missed(one.context, same_switch=same_switch)
    assert one.call.outcome is ends
    with pytest.raises(CallEndedError):
        one.call.wait(timeout_s=DEADLINE_S)


def test_two_people_who_talk_for_hours_hear_nothing_of_us(
    one: OneCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way_out, "LOOK_AGAIN_S", 0.01)
    talking = gevent.spawn(wait_for_end, one.context)
    talking.join(0.2)
    assert not talking.dead
    one.switch.exists = False
    assert isinstance(outcome(talking), CallEndedError)
    assert one.heard_since() == []
