"""Who calls whom is read from what FreeSWITCH says of the gateway, never from the caller."""

import re
import time
from uuid import UUID

import gevent
import gevent.queue
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bridge.calls.call_signals import (
    CallEndedError,
    Parked,
    PlaybackDrained,
    QueueLost,
    StreamConnected,
    StreamLost,
)
from controlplane.bridge.calls.incoming_call import (
    MAX_SIGNALS,
    IncomingCall,
    NotOurCall,
    caller_number,
)
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.phone_numbers import FRANCE
from controlplane.esl.event import EslEvent
from tests.waiting import DEADLINE_S, gevent_elapse

pytestmark = pytest.mark.unit

RESTAURANT = "0193c1a0-0000-7000-8000-000000000001"
CHANNEL = "5e3d6f6e-0000-4000-8000-00000000000c"
E164 = re.compile(r"\+[1-9][0-9]{2,16}")
SOON_S = 0.05


def created(**changes: str | None) -> EslEvent:
    """CHANNEL_ANSWER of a gateway's call; `None` takes a header away."""
    headers: dict[str, str | None] = {
        "Event-Name": "CHANNEL_ANSWER",
        "Call-Direction": "inbound",
        "Unique-ID": CHANNEL,
        "Caller-Caller-ID-Number": "+33639980123",
        "Caller-Caller-ID-Name": "Jean Dupont",
        "Caller-Privacy-Hide-Number": "false",
        "variable_sip_gateway": "chez-luigi-3f9a1c2b",
        "variable_sip_call_id": "abc@127.0.0.1",
        "variable_alloresto_restaurant_id": RESTAURANT,
        **{name.replace("__", "-"): value for name, value in changes.items()},
    }
    return EslEvent({name: value for name, value in headers.items() if value is not None})


def number(text: str, **changes: str) -> str | None:
    return caller_number(created(**{"Caller-Caller-ID-Number": text, **changes}), FRANCE)


def arriving(event: EslEvent, *, region: str = FRANCE) -> IncomingCall:
    return IncomingCall.arriving(event, region_of=lambda restaurant_id: region)


def call() -> IncomingCall:
    return arriving(created())


# --- Who is called -------------------------------------------------------------------------------


def test_a_call_of_a_gateway_is_its_restaurants() -> None:
    arrived = arriving(created(variable_alloresto_fallback_dial="sofia/gateway/x/+33199005678"))
    assert arrived.restaurant_id == UUID(RESTAURANT)
    assert arrived.channel_uuid == UUID(CHANNEL)
    assert arrived.gateway_name == "chez-luigi-3f9a1c2b"
    assert arrived.sip_call_id == "abc@127.0.0.1"
    assert arrived.caller_number == "+33639980123"
    assert arrived.fallback_dial == "sofia/gateway/x/+33199005678"
    assert arrived.call_id.version == 7
    assert (arrived.parked, arrived.streaming) == (False, False)
    assert (arrived.attempt, arrived.worker_id) == (0, None)
    assert arrived.outcome is CallOutcome.ABANDONED


def test_two_calls_have_two_ids() -> None:
    assert call().call_id != call().call_id


def test_what_the_caller_sends_names_no_restaurant() -> None:
    """Headers of the INVITE become `sip_h_…` variables: another name than the gateway's."""
    with pytest.raises(NotOurCall):
        arriving(
            created(
                variable_alloresto_restaurant_id=None,
                **{
                    "variable_sip_h_X-alloresto_restaurant_id": RESTAURANT,
                    "variable_sip_h_X-variable_alloresto_restaurant_id": RESTAURANT,
                    "Caller-Destination-Number": RESTAURANT,
                    "alloresto_restaurant_id": RESTAURANT,
                },
            )
        )


def test_a_display_name_with_a_line_break_names_no_restaurant() -> None:
    hostile = f"Jean\nvariable_alloresto_restaurant_id: {CHANNEL}\n\n"
    event = EslEvent.parse(
        b'{"Event-Name":"CHANNEL_ANSWER","Call-Direction":"inbound","Unique-ID":"%b",'
        b'"Caller-Caller-ID-Name":"Jean\\nvariable_alloresto_restaurant_id: %b\\n\\n",'
        b'"variable_sip_gateway":"g","variable_alloresto_restaurant_id":"%b"}'
        % (CHANNEL.encode(), CHANNEL.encode(), RESTAURANT.encode())
    )
    assert event["Caller-Caller-ID-Name"] == hostile
    assert arriving(event).restaurant_id == UUID(RESTAURANT)


@pytest.mark.parametrize(
    "changes",
    [
        {"Call-Direction": "outbound"},
        {"Call-Direction": None},
        {"variable_sip_gateway": None},
        {"variable_sip_gateway": ""},
        {"variable_alloresto_restaurant_id": None},
        {"variable_alloresto_restaurant_id": ""},
        {"variable_alloresto_restaurant_id": "the-one-next-door"},
        {"Unique-ID": "not-a-uuid"},
        {"variable_alloresto_call_id": "not-a-uuid"},
    ],
    ids=str,
)
def test_any_other_channel_is_left_alone(changes: dict[str, str | None]) -> None:
    with pytest.raises(NotOurCall):
        arriving(created(**changes))


def test_an_event_of_no_channel_is_left_alone() -> None:
    with pytest.raises(NotOurCall):
        arriving(created(**{"Unique-ID": None}))


def test_a_call_resumed_keeps_its_id_and_its_worker() -> None:
    first = call()
    resumed = arriving(
        created(
            variable_alloresto_call_id=str(first.call_id), variable_alloresto_worker_id="worker-1"
        )
    )
    assert (resumed.call_id, resumed.worker_id) == (first.call_id, "worker-1")


# --- Who calls -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_number", "e164"),
    [
        ("0639980123", "+33639980123"),
        ("06 39 98 01 23", "+33639980123"),
        ("+33639980123", "+33639980123"),
        ("0033639980123", "+33639980123"),
        ("33639980123", "+33639980123"),
        ("+442079460958", "+442079460958"),
        ("00442079460958", "+442079460958"),
        ("+33199001234;ext=12", "+33199001234"),
    ],
)
def test_a_number_is_told_in_e164(given_number: str, e164: str) -> None:
    assert number(given_number) == e164


@pytest.mark.parametrize(
    "garbage",
    ["", "anonymous", "Anonymous", "unknown", "restricted", "1", "17", "+", "+999", "jean@chez.lui",
     "0" * 40, "9" * 400, "${uuid}", "06399801\n23\nX: y", "unavailable", "+33"],
)  # fmt: skip
def test_what_is_no_number_is_none(garbage: str) -> None:
    assert number(garbage) is None or E164.fullmatch(number(garbage) or "")
    if not sum(character.isdigit() for character in garbage) >= 8:
        assert number(garbage) is None


@pytest.mark.parametrize(
    ("region", "e164"), [("FR", "+33470123456"), ("RE", "+33470123456"), ("BE", "+32470123456")]
)
def test_a_national_number_is_read_by_the_restaurants_plan(region: str, e164: str) -> None:
    event = created(**{"Caller-Caller-ID-Number": "0470123456"})
    assert arriving(event, region=region).caller_number == e164


def test_an_overseas_caller_is_none_of_the_mainlands() -> None:
    assert number("0692123456") == number("+33692123456") == "+262692123456"


def test_no_number_at_all_is_none() -> None:
    assert caller_number(created(**{"Caller-Caller-ID-Number": None}), FRANCE) is None


def test_a_hidden_number_is_dropped_though_freeswitch_has_it() -> None:
    assert number("+33639980123", **{"Caller-Privacy-Hide-Number": "true"}) is None
    hidden = arriving(created(**{"Caller-Privacy-Hide-Number": "true"}))
    assert hidden.caller_number is None
    assert "639980123" not in repr(hidden)


@given(st.text(max_size=40) | st.text("+0123456789 ();=ext#*,", max_size=40))
def test_whatever_a_carrier_sends_is_e164_or_none(text: str) -> None:
    told = number(text)
    assert told is None or E164.fullmatch(told)


# --- What its story waits for --------------------------------------------------------------------


def test_a_wait_ends_with_the_first_of_its_kinds_and_forgets_the_others() -> None:
    waiting = call()
    for signal in (PlaybackDrained(), QueueLost(), StreamConnected(), Parked()):
        waiting.signal(signal)
    assert waiting.wait(StreamLost, StreamConnected, timeout_s=DEADLINE_S) == StreamConnected()
    assert waiting.wait(PlaybackDrained, Parked, timeout_s=DEADLINE_S) == Parked()


def test_a_wait_ends_at_its_deadline_however_many_signals_come_meanwhile() -> None:
    waiting = call()

    def other_signals() -> None:
        while True:
            waiting.signal(PlaybackDrained())
            gevent_elapse(SOON_S / 20, because="it goes on all the while")

    noise = gevent.spawn(other_signals)
    try:
        began = time.monotonic()
        assert waiting.wait(Parked, timeout_s=SOON_S) is None
        assert SOON_S <= time.monotonic() - began < SOON_S + 1.0
    finally:
        noise.kill()


def test_a_wait_is_ended_by_a_later_signal() -> None:
    waiting = call()
    gevent.spawn_later(SOON_S / 5, waiting.signal, Parked())
    assert waiting.wait(Parked, timeout_s=5.0) == Parked()


def test_every_wait_ends_when_the_caller_hangs_up() -> None:
    waiting = call()
    gevent.spawn_later(SOON_S / 5, waiting.ended, "ORIGINATOR_CANCEL")
    with pytest.raises(CallEndedError) as ended:
        waiting.wait(Parked, timeout_s=5.0)
    assert ended.value.cause == "ORIGINATOR_CANCEL"


def test_a_wait_for_nothing_is_ended_by_the_hang_up_alone() -> None:
    waiting = call()
    waiting.signal(PlaybackDrained())
    waiting.ended("NORMAL_CLEARING")
    with pytest.raises(CallEndedError):
        waiting.wait(timeout_s=SOON_S)


def test_a_story_that_does_not_listen_gives_its_handlers_up_but_still_ends() -> None:
    deaf = call()
    for _ in range(MAX_SIGNALS):
        deaf.signal(PlaybackDrained())
    with pytest.raises(gevent.queue.Full):
        deaf.signal(PlaybackDrained())
    deaf.ended("MEDIA_TIMEOUT")
    with pytest.raises(CallEndedError, match="MEDIA_TIMEOUT"):
        deaf.wait(Parked, timeout_s=SOON_S)
