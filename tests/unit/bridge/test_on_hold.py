"""A held call: its worker is told, whichever it is, and one that is held for ever ends."""

import pytest

from controlplane.bridge.calls.call_signals import CallEndedError
from controlplane.bridge.calls.catch_up import catch_up
from controlplane.bridge.calls.channel_events import put_on_hold, taken_off_hold
from controlplane.bridge.calls.incoming_call import LONGEST_HOLD_S, IncomingCall
from controlplane.bridge.calls.story import begin_conversation, converse
from controlplane.bridge.calls.worker_watch import WorkerWatch
from controlplane.contracts.messages import PutOnHold, Started, TakenOffHold
from controlplane.esl.event import EslEvent
from tests.unit.bridge.one_call import OneCall
from tests.unit.bridge.test_catch_up import found
from tests.unit.bridge.test_incoming_call import arriving, created

pytestmark = pytest.mark.unit

EVENT = EslEvent({})


@pytest.fixture
def one() -> OneCall:
    return OneCall()


def test_the_worker_is_told(one: OneCall) -> None:
    one.connect_worker()
    put_on_hold(one.context, EVENT)
    taken_off_hold(one.context, EVENT)
    assert one.switch.told == [PutOnHold(), TakenOffHold()]


def test_a_worker_that_comes_later_is_told_too(one: OneCall) -> None:
    put_on_hold(one.context, EVENT)
    assert one.switch.told == []
    one.connect_worker()
    begin_conversation(one.context)
    started = Started(call_id=one.call.call_id, greeting="ended")
    assert one.switch.told == [started, PutOnHold()]


def test_a_caller_who_came_back_while_no_agent_lived_is_talked_to_again(one: OneCall) -> None:
    one.connect_worker()
    one.call.worker.begins(known=True)
    begin_conversation(one.context)
    started = Started(call_id=one.call.call_id, greeting="ended")
    assert one.switch.told == [started, TakenOffHold()]


def test_a_call_found_on_hold_is_on_hold() -> None:
    held = arriving(created(**{"Channel-Call-State": "HELD"}))
    assert held.on_hold_since is not None
    assert arriving(created(**{"Channel-Call-State": "UNHELD"})).on_hold_since is None


def test_what_was_missed_is_made_up_for(one: OneCall) -> None:
    one.connect_worker()
    stream = one.call.stream
    catch_up(one.context, found(stream=stream, on_hold_since=1.0))
    catch_up(one.context, found(stream=stream, on_hold_since=1.0))
    catch_up(one.context, found(stream=stream))
    assert one.switch.told == [PutOnHold(), TakenOffHold()]


def test_a_call_held_for_ever_ends(one: OneCall, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    one.call.worker = WorkerWatch(lambda: now)
    one.connect_worker()
    begin_conversation(one.context)
    put_on_hold(one.context, EVENT)

    def half_a_second_later(*_: object, **__: object) -> None:
        nonlocal now
        now += 0.5
        one.call.worker.heard()

    monkeypatch.setattr(IncomingCall, "wait", half_a_second_later)
    with pytest.raises(CallEndedError, match="NORMAL_CLEARING"):
        converse(one.context)
    assert one.switch.commands[-1] == "hangup NORMAL_CLEARING"
    assert LONGEST_HOLD_S < now - 1_000.0 < LONGEST_HOLD_S + 2.0
    assert one.heard_since() == []
