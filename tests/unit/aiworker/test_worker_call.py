"""What a call does as time passes: fillers, silences, hand-overs, its end. Time is the test's."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from aiworker.conversation import silence
from aiworker.conversation.call_ending import FAREWELL_SECONDS
from aiworker.media.stream import StreamOver
from aiworker.realtime.events import (
    AudioDelta,
    FinishedResponse,
    FunctionCall,
    InputCommitted,
    OutputItemDone,
    ResponseBegun,
    ResponseCreated,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
)
from aiworker.worker_call import SITUATION_SECONDS
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import (
    Dtmf,
    Hangup,
    Hold,
    OrderPlaced,
    Started,
    TakeMessage,
    Transfer,
    TransferFailed,
    Unheard,
)
from controlplane.restaurants.order_draft import PlacedOrder
from tests.unit.aiworker.one_call import OneCall

pytestmark = pytest.mark.unit

PLACED = PlacedOrder(
    id=new_id(),
    number=7,
    total_cents=2_500,
    ready_at_local=datetime(2026, 11, 27, 19, 45, tzinfo=ZoneInfo("Europe/Paris")),
    idempotency_key="call:1:digest",
)
NOBODY = TransferFailed(cause="NO_ANSWER")


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch) -> OneCall:
    return OneCall(monkeypatch)


def asked(one: OneCall, *kinds: type) -> list[object]:
    """Requests of these kinds since this was last looked at."""
    return [request for request in one.asked_of_bridge() if isinstance(request, kinds)]


# --- Fillers -------------------------------------------------------------------------------------


def test_nothing_is_said_over_the_greeting(one: OneCall) -> None:
    one.wait(10)
    assert one.asked_of_bridge() == []
    one.end_greeting()
    one.wait(2.2)
    assert one.asked_of_bridge() == []
    one.wait(0.4)
    assert one.asked_of_bridge() == [Hold()]


def test_without_a_session_a_filler_is_heard_now_and_then(one: OneCall) -> None:
    one.end_greeting()
    one.wait(12)
    assert one.asked_of_bridge() == [Hold()] * 3


@pytest.mark.parametrize("session_first", [False, True])
def test_a_caller_who_waited_for_a_worker_is_spoken_to_first(
    one: OneCall, *, session_first: bool
) -> None:
    started = Started(call_id=one.call_id, greeting="waited")
    if not session_first:
        one.call.on_bridge_message(started)
    session = one.open_session()
    if session_first:
        one.call.on_bridge_message(started)
    assert ["Merci d'avoir patienté" in text for text in session.told] == [True]
    assert session.responses == 1


def test_a_stream_without_frames_is_given_up_after_freeswitchs_own_deadline(one: OneCall) -> None:
    one.end_greeting()
    one.wait(70, frames=False)
    with pytest.raises(StreamOver, match="no_audio"):
        one.wait(10, frames=False)


def test_the_bridge_is_told_once_of_a_caller_who_is_not_heard(one: OneCall) -> None:
    one.end_greeting()
    one.wait(1.4, frames=False)
    assert asked(one, Unheard) == []
    one.wait(20, frames=False)
    assert asked(one, Unheard) == [Unheard()]
    one.wait(5)
    one.wait(5, frames=False)
    assert asked(one, Unheard) == [Unheard()]


def test_another_agent_is_given_what_the_one_before_had_to_play(one: OneCall) -> None:
    """It was killed with the assistant's words in hand; a caller told to wait is another matter."""
    ended = Started(call_id=one.call_id, greeting="ended")
    one.call.on_bridge_message(ended)
    one.open_session()
    one.says("Je récapitule.", ms=400)
    one.asked_of_bridge()
    one.wait(0.6)
    one.call.on_bridge_message(Started(call_id=one.call_id, greeting="waited"))
    assert one.call.speech_output.unheard_ms() == 0
    one.call.on_bridge_message(ended)
    assert one.call.speech_output.unheard_ms() == 400


def test_a_response_that_never_comes_is_asked_for_again_then_the_session_is_given_up(
    one: OneCall,
) -> None:
    one.end_greeting()
    session = one.open_session()
    one.call.conversation.instruct("Réponds.")
    one.wait(1.8)
    assert (session.responses, asked(one, Hold)) == (1, [])
    one.wait(1)
    assert (session.responses, asked(one, Hold)) == (2, [Hold()])
    assert session.given_up is None
    one.wait(2)
    assert session.given_up == "nothing_came_back"


def test_a_session_that_is_lost_is_told_of_at_once_when_nothing_else_is_heard(
    one: OneCall,
) -> None:
    one.end_greeting()
    one.open_session()
    one.call.session_lost()
    assert one.asked_of_bridge() == [Hold()]


# --- Silences ------------------------------------------------------------------------------------


@pytest.mark.parametrize("stopped", [True, False])
def test_a_noise_over_the_assistant_that_becomes_no_turn_leaves_the_silence_watched(
    one: OneCall, *, stopped: bool
) -> None:
    """The interruption waited for words for ever, and a caller who was gone held the line."""
    one.end_greeting()
    session = one.open_session()
    one.says("Voici la carte.", ms=4_000)
    one.wait(0.4)
    one.call.on_realtime_event(SpeechStarted(item_id="noise"))
    one.wait(0.4)
    if stopped:
        one.call.on_realtime_event(SpeechStopped(item_id="noise"))
    one.wait(15)
    assert session.told == [silence.INVITE]


def test_a_caller_who_stays_silent_is_asked_then_left(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    one.wait(4.4)
    assert session.told == [silence.INVITE]
    one.says("Je vous écoute.")
    one.wait(8.8)
    assert session.told[-1] == silence.CHECK_IN
    one.says("Vous êtes là ?")
    one.wait(8.8)
    assert session.told[-1] == silence.GOODBYE
    assert asked(one, Hangup) == []
    one.says("Au revoir.")
    one.wait(1)
    assert asked(one, Hangup) == [Hangup(outcome=CallOutcome.INFORMATION)]


def test_a_call_that_lasts_too_long_is_taken_leave_of(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    one.now += one.call.ending.latest - one.now - 1
    one.says("Encore une pizza ?", ms=3_000)
    one.wait(2)
    assert "trop longtemps" in session.told[-1]


# --- The end -------------------------------------------------------------------------------------


def test_the_call_ends_once_the_last_words_were_said(one: OneCall) -> None:
    one.end_greeting()
    one.open_session()
    one.says("Merci, au revoir !", ms=1_200, tool="hang_up")
    one.use_tool()
    one.wait(0.6)
    assert asked(one, Hangup) == []
    one.wait(1)
    assert asked(one, Hangup) == [Hangup(outcome=CallOutcome.INFORMATION)]


def test_last_words_that_never_come_are_not_waited_for(one: OneCall) -> None:
    one.end_greeting()
    one.open_session()
    one.call.ending.say_goodbye("Prends congé.")
    one.wait(FAREWELL_SECONDS - 0.4)
    assert asked(one, Hangup) == []
    one.wait(0.8)
    assert asked(one, Hangup) == [Hangup(outcome=CallOutcome.INFORMATION)]


def test_a_question_that_was_answered_is_not_the_last_word(one: OneCall) -> None:
    one.end_greeting()
    one.open_session()
    one.says("Je raccroche, d'accord ?", tool="hang_up")
    one.use_tool()
    one.call.on_realtime_event(InputCommitted(item_id="item_caller"))
    one.says("Alors, que désirez-vous ?")
    one.wait(2)
    assert asked(one, Hangup) == []
    assert not one.call.ending.decided


def test_who_leaves_a_message_is_given_to_the_bridge(one: OneCall) -> None:
    one.end_greeting()
    one.open_session()
    one.says("Parlez après le bip.", tool="take_message")
    one.use_tool()
    one.wait(1)
    assert asked(one, TakeMessage) == [TakeMessage()]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("transfer_to_human", '{"person": "Marie"}'),
        ("transfer_to_human", '{"reason": "allergie"}'),
        ("take_message", '{"reason": "absent"}'),
    ],
)
def test_an_end_that_is_refused_ends_nothing_and_is_told(
    one: OneCall, tool: str, arguments: str
) -> None:
    """The caller was hung up on instead of put through, or heard."""
    one.end_greeting()
    session = one.open_session()
    one.says("Un instant.", tool=tool, arguments=arguments)
    asked_before = session.responses
    one.use_tool()
    one.wait(2)
    assert session.responses > asked_before
    assert asked(one, Hangup) == []


def test_a_hang_up_is_plain_whatever_its_arguments(one: OneCall) -> None:
    one.end_greeting()
    one.open_session()
    one.says("Au revoir !", tool="hang_up", arguments='{"reason": "fini"}')
    one.use_tool()
    one.wait(2)
    assert asked(one, Hangup) == [Hangup(outcome=CallOutcome.INFORMATION)]


@pytest.mark.parametrize("at_once", [True, False])
def test_what_came_of_an_order_is_told_before_the_end_that_was_asked_for_with_it(
    one: OneCall, *, at_once: bool
) -> None:
    """The assistant said goodbye, ordered and hung up in one breath: the caller heard nothing of an
    order that was refused.
    """
    one.end_greeting()
    session = one.open_session()
    response = ResponseBegun(id="r")
    calls = [FunctionCall(call_id=name, name=name) for name in ("place_order", "hang_up")]
    one.call.on_realtime_event(ResponseCreated(response=response))
    one.call.on_realtime_event(AudioDelta(response_id="r", item_id="bye", delta=bytes(3_200)))
    for call in calls:
        one.call.on_realtime_event(OutputItemDone(response_id="r", item=call))
        if not at_once:
            one.use_tool()
    done = FinishedResponse(id="r", status="completed")
    one.call.on_realtime_event(ResponseDone(response=done))
    if at_once:
        one.use_tool()
        one.use_tool()
    one.wait(1)
    assert session.responses == 1
    one.says("La commande est vide, que désirez-vous ?")
    one.wait(3)
    assert asked(one, Hangup) == []
    one.says("Au revoir !", tool="hang_up")
    one.use_tool()
    one.wait(3)
    assert asked(one, Hangup) == [Hangup(outcome=CallOutcome.INFORMATION)]


# --- The hand-over -------------------------------------------------------------------------------


def test_the_caller_whom_nobody_took_is_back_with_the_assistant(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    one.call.hand_over.begin("asked")
    assert one.asked_of_bridge() == [Transfer(reason="asked")]
    one.wait(20)
    assert one.asked_of_bridge() == []
    assert session.told == [], "nobody breaks the silence of a caller who hears it ring"
    one.call.on_bridge_message(NOBODY)
    assert "Personne n'a pris l'appel" in session.told[-1]
    assert session.responses == 1


def test_a_human_is_asked_for_again_when_the_bridge_missed_it(one: OneCall) -> None:
    """It says where the call stands once more, and would not while somebody is rung."""
    one.end_greeting()
    session = one.open_session()
    one.call.hand_over.begin("asked")
    one.asked_of_bridge()
    one.wait(50)
    for greeting in ("ended", "waited"):
        one.call.on_bridge_message(Started(call_id=one.call_id, greeting=greeting))
        assert one.asked_of_bridge() == [Transfer(reason="asked")]
    one.wait(50)
    one.call.on_bridge_message(NOBODY)
    assert len(session.told) == 1
    assert "Personne n'a pris l'appel" in session.told[0]
    one.call.on_bridge_message(Started(call_id=one.call_id, greeting="ended"))
    assert asked(one, Transfer) == []


def test_frames_are_not_missed_while_a_human_rings(one: OneCall) -> None:
    one.end_greeting()
    one.open_session()
    one.wait(20, frames=False)
    one.call.hand_over.begin("asked")
    one.wait(58, frames=False)
    one.call.on_bridge_message(NOBODY)
    one.wait(1, frames=False)


def test_a_human_has_the_call_when_nobody_says_otherwise(one: OneCall) -> None:
    one.end_greeting()
    one.open_session()
    one.call.hand_over.begin("asked")
    with pytest.raises(StreamOver, match="transferred"):
        one.wait(61)


def test_a_human_is_rung_twice_then_there_is_nobody_left(one: OneCall) -> None:
    one.end_greeting()
    for _ in range(2):
        one.call.ring_human()
        assert one.asked_of_bridge() == [Transfer(reason="technical")]
        one.call.on_bridge_message(NOBODY)
    one.call.ring_human()
    assert one.asked_of_bridge() == [Hangup(outcome=CallOutcome.ERROR)]


# --- Between two sessions ------------------------------------------------------------------------


@pytest.mark.parametrize("message", [Dtmf(digit="1"), NOBODY], ids=lambda message: message.type)
def test_what_happens_between_two_sessions_is_answered_in_the_next(
    one: OneCall, message: Dtmf | TransferFailed
) -> None:
    one.end_greeting()
    one.open_session()
    one.call.session_lost()
    one.call.on_bridge_message(message)
    one.wait(4)
    assert asked(one, Hold), "the caller hears something meanwhile"
    session = one.open_session()
    one.wait(0.2)
    assert session.responses == 1
    one.says("Bien.")
    one.wait(3.8)
    assert (session.responses, session.given_up) == (1, None)


# --- Date and time -------------------------------------------------------------------------------


def test_the_model_is_told_the_time_when_a_session_begins_and_every_five_minutes(
    one: OneCall,
) -> None:
    one.call.tools.now = lambda: datetime(2026, 11, 27, 18, 5, tzinfo=UTC)
    one.end_greeting()
    session = one.open_session()
    assert session.told_the_time == [
        "Nous sommes le vendredi vingt-sept novembre 2026, il est dix-neuf heures cinq. "
        "Le restaurant est ouvert et prend les commandes."
    ]
    one.call.tools.now = lambda: datetime(2026, 11, 27, 18, 11, tzinfo=UTC)
    one.now += SITUATION_SECONDS
    one.wait(1)
    assert "il est dix-neuf heures onze" in session.told_the_time[1]
    one.call.session_lost()
    again = one.open_session()
    assert "il est dix-neuf heures onze" in again.told_the_time[0]


# --- Orders --------------------------------------------------------------------------------------


def test_an_order_settled_during_the_call_is_told_with_what_the_database_says(one: OneCall) -> None:
    one.end_greeting()
    session = one.open_session()
    one.call.tools.unsettled.add(PLACED.idempotency_key)
    one.call.orders._placed(PLACED)
    assert "numéro sept est enregistrée" in session.told[-1]
    assert "pour vingt-cinq euros" in session.told[-1]
    assert (one.call.tools.placed, one.call.tools.unsettled) == ([PLACED], set())


def test_an_order_settled_after_the_call_is_still_recorded(one: OneCall) -> None:
    one.end_greeting()
    one.call.tools.unsettled.add(PLACED.idempotency_key)
    one.call.finish()
    one.call.orders._placed(PLACED)
    recorded = [event for event in one.call_events if isinstance(event, OrderPlaced)]
    assert [event.order_id for event in recorded] == [PLACED.id]
