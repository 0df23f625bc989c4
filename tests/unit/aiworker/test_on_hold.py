"""A caller whose telephone holds the call is not talked to, listened to, or taken leave of; the
assistant speaks first when they are back.
"""

import pytest

from aiworker.media.stream import StreamOver
from aiworker.realtime.events import FunctionCall, OutputItemDone
from controlplane.contracts.messages import (
    Clear,
    GreetingEnded,
    Hangup,
    Hold,
    PutOnHold,
    Started,
    TakenOffHold,
    TransferFailed,
)
from tests.unit.aiworker.one_call import OneCall

pytestmark = pytest.mark.unit

HOLD_SECONDS = 280.0
"""The bridge ends a call that is held for 5 minutes."""
BACK = "Je suis toujours là"


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> OneCall:
    return OneCall(monkeypatch)


def hold(one: OneCall, *, seconds: float = HOLD_SECONDS, frames: bool = False) -> None:
    one.call.on_bridge_message(PutOnHold())
    one.wait(seconds, frames=frames)


def back(one: OneCall) -> None:
    one.call.on_bridge_message(TakenOffHold())


@pytest.mark.parametrize("frames", [False, True], ids=["no packet", "music"])
def test_nothing_is_said_to_nobody_for_minutes(one: OneCall, *, frames: bool) -> None:
    one.end_greeting()
    session = one.open_session()
    hold(one, frames=frames)
    assert session.told == []
    assert session.responses == 0
    assert one.asked_of_bridge() == []
    back(one)
    assert [BACK in text for text in session.told] == [True]
    assert session.responses == 1


def test_the_assistant_stops_in_the_middle_of_a_word(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    one.says("Nous avons des pizzas, des salades et des desserts.", ms=4_000)
    one.wait(0.6)
    one.call.on_bridge_message(PutOnHold())
    assert Clear(generation=1) in one.asked_of_bridge()
    assert one.call.speech_output.unheard_ms() == 0
    assert session.sent[-1]["type"] == "conversation.item.truncate"


def test_what_a_tool_says_waits_for_the_caller(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    call = FunctionCall(call_id="call_1", name="look_up_menu", arguments="{}")
    one.call.on_realtime_event(OutputItemDone(response_id="response_1", item=call))
    one.call.on_bridge_message(PutOnHold())
    one.use_tool()
    one.wait(20)
    assert session.responses == 0
    back(one)
    one.wait(0.4)
    assert session.responses == 1
    assert session.given_up is None


def test_a_call_that_was_to_end_goes_on(one: OneCall) -> None:
    """Nobody heard the last words."""
    one.end_greeting()
    session = one.open_session()
    one.says("Merci, au revoir !", ms=1_200, tool="hang_up")
    one.use_tool()
    hold(one, seconds=30)
    back(one)
    one.wait(1)
    assert Hangup not in map(type, one.asked_of_bridge())
    assert session.responses == 1


def test_a_greeting_nobody_hears_ends_as_well(one: OneCall) -> None:
    session = one.open_session()
    one.call.on_bridge_message(PutOnHold())
    one.call.on_bridge_message(GreetingEnded())
    one.wait(30)
    assert session.responses == 0
    back(one)
    assert session.responses == 1


def test_an_order_to_hold_nothing_is_no_reason_to_speak(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    back(one)
    assert session.responses == 0


def test_another_worker_waits_as_well(one: OneCall) -> None:
    one.call.on_bridge_message(Started(call_id=one.call_id, greeting="ended"))
    one.call.on_bridge_message(PutOnHold())
    one.wait(10)
    assert Hold() not in one.asked_of_bridge()
    one.open_session()
    one.wait(10)
    assert Hold() not in one.asked_of_bridge()


def test_a_session_that_is_lost_meanwhile_is_told_to_nobody(one: OneCall) -> None:
    one.end_greeting()
    one.open_session()
    hold(one, seconds=30)
    one.call.session_lost()
    one.wait(10)
    assert one.asked_of_bridge() == []


def test_nobody_whom_a_human_did_not_take_is_talked_to_on_hold(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    one.call.hand_over.begin("asked")
    one.call.on_bridge_message(PutOnHold())
    one.call.on_bridge_message(TransferFailed(cause="NO_ANSWER"))
    one.wait(20)
    assert session.responses == 0
    back(one)
    assert session.responses == 1


def test_frames_are_missed_again_once_the_caller_is_back(one: OneCall) -> None:
    one.end_greeting()
    hold(one)
    back(one)
    one.wait(70, frames=False)
    with pytest.raises(StreamOver, match="no_audio"):
        one.wait(10, frames=False)
