"""A caller who waits hears a tone until somebody speaks; a worker that never does is lost."""

from collections.abc import Callable

import gevent
import pytest

from controlplane.bridge.calls import story
from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_signals import CallEndedError
from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.channel_events import parked, worker_says
from controlplane.bridge.calls.find_worker import keep_waiting
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.restaurant_limits import Limit
from controlplane.bridge.calls.story import (
    begin_conversation,
    converse,
    hold,
    receive,
    serve_call,
    serve_resumed_call,
    tell_story,
)
from controlplane.bridge.calls.worker_watch import LOST_S, WorkerWatch
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import CallArrived, CallEnded, KeepAlive, Started
from controlplane.esl.event import EslEvent
from tests.unit.bridge.one_call import OneCall
from tests.unit.bridge.test_incoming_call import call
from tests.waiting import gevent_elapse, gevent_until, outcome

pytestmark = pytest.mark.unit

SOON_S = 0.05


@pytest.fixture
def one() -> OneCall:
    return OneCall()


def test_the_tone_ends_with_the_first_chunk_not_with_the_workers_stream(one: OneCall) -> None:
    one.channel.fill_silence(prompt="busy")
    one.connect_worker()
    begin_conversation(one.context)
    assert one.heard_since() == ["stop", "busy", "tone"]
    assert one.switch.told == [Started(call_id=one.call.call_id, greeting="waited")]

    for chunk in ("/tmp/1.r8", "/tmp/2.r8"):
        one.channel.play(chunk)

    assert one.heard_since() == ["stop", "1", "2"]
    assert not one.channel.silence_filled


def test_hold_is_heard_before_the_tone_goes_on_and_alone_once_the_worker_has_spoken(
    one: OneCall,
) -> None:
    one.channel.fill_silence(prompt="busy")
    hold(one.context)
    hold(one.context)
    assert one.heard_since() == ["stop", "busy", "tone", "stop", "one_moment", "tone"]
    one.channel.play("/tmp/1.r8")
    one.call.held_at_s -= story.HOLD_PROMPT_S
    hold(one.context)
    assert one.heard_since() == ["stop", "1", "one_moment"]


def test_a_worker_that_says_nothing_has_the_caller_wait_then_is_lost(
    one: OneCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    one.call.worker = WorkerWatch(lambda: now)
    one.connect_worker()
    begin_conversation(one.context)
    one.call.worker.heard()
    seen: list[list[str]] = []

    def a_second_later(*_: object, **__: object) -> None:
        nonlocal now
        now += 1.0
        seen.append(one.heard_since())

    monkeypatch.setattr(IncomingCall, "wait", a_second_later)
    converse(one.context)
    assert seen[:4] == [[], [], [], ["stop", "one_moment", "tone"]]
    assert now == 1_000.0 + LOST_S + 1
    assert one.switch.told[-1] == Started(call_id=one.call.call_id, greeting="waited")
    assert not one.call.streaming


def test_who_has_no_worker_at_the_greetings_end_hears_so_at_once(one: OneCall) -> None:
    one.call.greeting = call().greeting
    keep_waiting(one.context, prompt="busy")
    assert one.heard_since() == []
    parked(one.context, EslEvent({}))
    assert one.heard_since() == ["stop", "busy", "tone"]


def test_a_prompt_and_a_workers_first_words_at_once_leave_no_tone_behind_the_words(
    one: OneCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FreeSWITCH answers each command after a moment, in which the other greenlet runs."""
    one.channel.fill_silence(prompt="busy")
    execute = one.switch.execute

    def execute_slowly(*command: str, event_uuid: str | None) -> str:
        gevent_elapse(SOON_S, because="FreeSWITCH is loaded")
        return execute(*command, event_uuid=event_uuid)

    monkeypatch.setattr(one.switch, "execute", execute_slowly)
    prompt = gevent.spawn(one.channel.keep_filling, prompt="one_moment")
    outcome(gevent.spawn(one.channel.play, "/tmp/1.r8"))
    assert outcome(prompt) is True
    assert one.heard_since()[-4:] == ["one_moment", "tone", "stop", "1"]


@pytest.mark.parametrize("story", [serve_call, serve_resumed_call])
def test_a_caller_over_a_limit_is_the_dialplans_at_once_and_its_record_is_kept(
    one: OneCall, story: Callable[[CallContext], None]
) -> None:
    """Found by an agent that starts, a new call is no exception."""
    one.limit = Limit.AN_HOUR
    one.call.greeting = call().greeting
    telling = gevent.spawn(tell_story, one.context, story)
    gevent_until(lambda: one.call.state is CallState.WAY_OUT)
    one.call.ended("NORMAL_CLEARING")
    assert outcome(telling) is None
    transfer = f"uuid_transfer {one.call.channel_uuid} over_limit XML public"
    assert [command for command in one.switch.commands if "uuid_transfer" in command] == [transfer]
    assert one.heard_since() == []
    assert [type(fact) for fact in one.facts] == [CallArrived, CallEnded]
    assert one.call.outcome is CallOutcome.UNSERVED


@pytest.mark.parametrize("room", [True, False])
def test_a_caller_of_a_flood_is_told_goodbye_instead_of_asked_for_a_message(
    one: OneCall, *, room: bool
) -> None:
    one.limit, one.takes_message = Limit.AT_ONCE, room
    telling = gevent.spawn(tell_story, one.context, serve_call)
    gevent_until(lambda: one.call.state is CallState.WAY_OUT)
    one.call.ended("NORMAL_CLEARING")
    assert outcome(telling) is None
    refused = f"uuid_setvar_multi {one.call.channel_uuid} alloresto_messages_refused=true"
    left = f"uuid_transfer {one.call.channel_uuid} over_limit XML public"
    assert one.switch.commands[-1] == left
    assert (refused in one.switch.commands[:-1]) is not room


def test_a_call_that_an_agent_before_had_is_not_asked_about_again(one: OneCall) -> None:
    """It was taken, and counted; whoever talks is not cut."""
    one.limit = Limit.AI_MINUTES
    one.call.announced = True
    assert outcome(gevent.spawn(receive, one.context)) is None
    assert one.call.ours
    assert one.facts == []


def test_who_is_taken_over_hears_the_tone_until_their_worker_shows_that_it_lives(
    one: OneCall,
) -> None:
    """Its stream may have died unseen: the silence of a worker that is gone is not the caller's."""
    one.call.greeting = call().greeting
    one.connect_worker()
    one.call.worker.begins(known=True)
    parked(one.context, EslEvent({}))
    assert one.heard_since() == ["tone"]
    for heard in (["stop"], []):
        worker_says(one.context, EslEvent({}, KeepAlive().to_json()))
        assert one.heard_since() == heard


def test_a_talk_that_is_taken_over_is_filled_until_its_worker_shows_that_it_lives(
    one: OneCall,
) -> None:
    """The agent before is gone for a while, and the stream may be: that adds up."""
    one.call.announced = True
    one.connect_worker()
    telling = gevent.spawn(tell_story, one.context, serve_resumed_call)
    gevent_until(lambda: "tone" in one.switch.played)
    assert one.heard_since() == ["stop", "tone"]
    worker_says(one.context, EslEvent({}, KeepAlive().to_json()))
    assert one.heard_since() == ["stop"]
    one.call.ended("NORMAL_CLEARING")
    assert outcome(telling) is None


def test_a_worker_that_speaks_as_its_call_is_taken_over_is_not_talked_over(
    one: OneCall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that it lives before the agent is done telling it where the call stands."""
    one.call.announced = True
    one.connect_worker()

    def answered_at_once(context: CallContext) -> None:
        worker_says(context, EslEvent({}, KeepAlive().to_json()))

    def hung_up(_: CallContext) -> None:
        raise CallEndedError("NORMAL_CLEARING")

    monkeypatch.setattr(story, "begin_conversation", answered_at_once)
    monkeypatch.setattr(story, "converse", hung_up)
    assert outcome(gevent.spawn(tell_story, one.context, serve_resumed_call)) is None
    assert one.heard_since() == ["stop"]


def test_a_tone_that_plays_is_not_begun_again(one: OneCall) -> None:
    """The dialplan's parking and the story may both ask for it, and one is ended by one stop."""
    both = [gevent.spawn(one.channel.fill_with_tone) for _ in range(2)]
    for filling in both:
        outcome(filling)
    assert one.heard_since() == ["tone"]
