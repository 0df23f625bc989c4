"""What crosses from one process to another is read back as it was, and nothing else is read."""

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from controlplane.contracts.hangup_causes import CallOutcome, HangupCause
from controlplane.contracts.messages import (
    MAX_CONTROL_BYTES,
    AgentConnected,
    AnyCallEvent,
    AudioChunk,
    BridgeMessage,
    CallArrived,
    CallClaim,
    CallEnded,
    CallOffer,
    Clear,
    Cleared,
    DisclosurePlayed,
    Dtmf,
    EndWanted,
    GreetingEnded,
    HandOverWanted,
    Hangup,
    Hold,
    Mark,
    Marked,
    MenuLoaded,
    Message,
    MessageError,
    OrderPlaced,
    PutOnHold,
    Started,
    TakenOffHold,
    Transfer,
    TransferFailed,
    TurnEnded,
    Unheard,
    UsageReported,
    WorkerMessage,
    decode_bridge_message,
    encode_bridge_message,
    parse_call_event,
    parse_worker_message,
)

pytestmark = pytest.mark.unit

CALL = UUID("0193c1a0-0000-7000-8000-00000000000a")
RESTAURANT = UUID("0193c1a0-0000-7000-8000-000000000001")
CHANNEL = UUID("5e3d6f6e-0000-4000-8000-00000000000c")
AT = datetime(2026, 3, 29, 1, 30, 0, 250_000, tzinfo=UTC)
HEADING: dict[str, Any] = {"id": CALL, "call_id": CALL, "restaurant_id": RESTAURANT, "at": AT}

WORKER_MESSAGES: list[WorkerMessage] = [
    Clear(generation=3),
    Mark(seq=0),
    Transfer(reason="« un responsable »"),
    *(Hangup(outcome=outcome) for outcome in CallOutcome),
    Hold(),
    Unheard(),
]
BRIDGE_MESSAGES: list[BridgeMessage] = [
    Started(call_id=CALL, greeting="playing"),
    Started(call_id=CALL, greeting="ended"),
    GreetingEnded(),
    Cleared(generation=1),
    Cleared(generation=2, item="item_é", played_ms=1_240),
    Marked(seq=12),
    *(Dtmf(digit=digit) for digit in "0123456789*#ABCD"),
    PutOnHold(),
    TakenOffHold(),
    HandOverWanted(target_id=CALL),
    EndWanted(),
    TransferFailed(cause='USER_BUSY "~?>'),
]
CALL_EVENTS: list[AnyCallEvent] = [
    CallArrived(**HEADING, bridge_id="bridge-0", channel_uuid=CHANNEL),
    CallArrived(
        **HEADING,
        bridge_id="bridge-0",
        channel_uuid=CHANNEL,
        sip_call_id="a@b",
        caller_number="+33639980123",
    ),
    AgentConnected(**HEADING, worker_id="worker-1", time_to_agent_ms=42),
    DisclosurePlayed(**HEADING),
    TurnEnded(**HEADING, position=0, role="caller", text="Deux margherita, s’il vous plaît"),
    TurnEnded(**HEADING, position=1, role="tool", text="ok", heard_ms=0, tool_name="add_item"),
    OrderPlaced(**HEADING, order_id=CALL),
    MenuLoaded(**HEADING, menu_version=3),
    UsageReported(
        **HEADING,
        model="gpt-realtime-2.1-mini",
        input_audio_tokens=1,
        input_text_tokens=2,
        cached_tokens=3,
        output_audio_tokens=4,
        output_text_tokens=5,
    ),
    CallEnded(
        **HEADING,
        hangup_cause=HangupCause.NORMAL_CLEARING,
        outcome=CallOutcome.ORDER,
        duration_ms=61_000,
    ),
    CallEnded(
        **HEADING, hangup_cause="DESTINATION_OUT_OF_ORDER", outcome=CallOutcome.ERROR, duration_ms=0
    ),
]
SECRET = "deux-margherita-au-nom-de-Martin"

OFFER: dict[str, Any] = {
    "callId": str(CALL),
    "restaurantId": str(RESTAURANT),
    "bridgeId": "bridge-0",
    "channelUuid": str(CHANNEL),
    "attempt": 1,
}
CLAIM: dict[str, Any] = {
    "callId": str(CALL),
    "attempt": 1,
    "workerId": "worker-1",
    "url": "ws://10.0.0.7:9000/calls/abc_DEF-1",
}


def kind(message: object) -> str:
    return type(message).__name__


@pytest.mark.parametrize("message", WORKER_MESSAGES, ids=kind)
def test_what_a_worker_asks_is_read_back(message: WorkerMessage) -> None:
    assert parse_worker_message(message.to_json()) == message


@pytest.mark.parametrize("message", BRIDGE_MESSAGES, ids=kind)
def test_what_the_bridge_tells_is_read_back(message: BridgeMessage) -> None:
    assert decode_bridge_message(encode_bridge_message(message)) == message


@pytest.mark.parametrize("event", CALL_EVENTS, ids=kind)
def test_a_call_event_is_read_back(event: AnyCallEvent) -> None:
    assert parse_call_event(event.to_json()) == event
    assert parse_call_event(event.to_json().encode()) == event


def test_json_is_compact_and_camel_case_and_leaves_none_out() -> None:
    assert json.loads(CallOffer.model_validate(OFFER).to_json()) == {**OFFER, "resumed": False}
    assert Cleared(generation=1).to_json() == '{"type":"cleared","generation":1,"playedMs":0}'


@given(st.text(max_size=200), st.text(max_size=64))
def test_what_send_text_gets_is_one_word_without_quotes(cause: str, item: str) -> None:
    """`send_text` splits on spaces and eats quotes, whatever a cause or an item id holds."""
    for message in (TransferFailed(cause=cause), Cleared(generation=1, item=item, played_ms=20)):
        encoded = encode_bridge_message(message)
        assert re.fullmatch(r"[A-Za-z0-9_\-]+", encoded)
        assert decode_bridge_message(encoded) == message


@given(st.text(max_size=400))
@example("é")
def test_any_text_to_a_worker_is_a_message_or_a_message_error(text: str) -> None:
    refused_or_read(decode_bridge_message, text)


@given(st.binary(max_size=400))
def test_any_bytes_behind_base64url_are_a_message_or_a_message_error(body: bytes) -> None:
    refused_or_read(decode_bridge_message, base64.urlsafe_b64encode(body).rstrip(b"=").decode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries(
    {"type": st.sampled_from(["clear", "mark", "transfer", "hangup", "hold", "clear "]) | JSON},
    optional={"generation": JSON, "seq": JSON, "reason": JSON, "outcome": JSON, "extra": JSON},
)


@given(st.text(max_size=400) | (JSON | NEARLY).map(json.dumps))
def test_any_text_of_a_worker_is_a_message_or_a_message_error(text: str) -> None:
    refused_or_read(parse_worker_message, text)


@given(st.text(max_size=400) | (JSON | NEARLY).map(json.dumps) | st.binary(max_size=400))
def test_any_entry_of_the_stream_is_an_event_or_a_message_error(body: str | bytes) -> None:
    try:
        parse_call_event(body)
    except MessageError:
        return


def refused_or_read(parse: Callable[[str], object], text: str) -> None:
    try:
        message = parse(text)
    except MessageError:
        return
    assert isinstance(message, Message)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"type":"cleared","generation":1}',  # the other direction's
        '{"type":"clear"}',
        '{"type":"clear","generation":0}',  # 0 is what a worker begins with
        '{"type":"clear","generation":"many"}',
        '{"type":"mark","seq":-1}',
        '{"type":"hangup","outcome":"fed_up"}',
        '{"type":"transfer","reason":"' + "x" * 65 + '"}',
        '{"type":"hold","hold":true}',
        '{"type":"hold"}{"type":"hold"}',
        '{"type":"streamAudio","data":{}}',
    ],
)
def test_a_worker_message_against_the_contract_is_refused(body: str) -> None:
    with pytest.raises(MessageError):
        parse_worker_message(body)


@pytest.mark.parametrize("model", [CallOffer, CallClaim, AudioChunk])
def test_unknown_fields_of_queue_and_audio_are_refused(
    model: type[CallOffer | CallClaim | AudioChunk],
) -> None:
    fields: dict[type, dict[str, Any]] = {
        CallOffer: OFFER,
        CallClaim: CLAIM,
        AudioChunk: {"item": "item_1", "seq": 0, "generation": 0, "ms": 100},
    }
    assert model.model_validate(fields[model])
    with pytest.raises(ValidationError):
        model.model_validate({**fields[model], "priority": 1})


@pytest.mark.parametrize("parse", [parse_worker_message, parse_call_event])
@pytest.mark.parametrize(
    "body",
    [
        f'{{"type":"{SECRET}"}}',
        f'{{"type":"clear","generation":"{SECRET}"}}',
        f'{{"type":"turn_ended","text":["{SECRET}"]}}',
        f'"{SECRET}"',
        SECRET,
    ],
)
def test_a_refusal_never_quotes_the_body(parse: Callable[[str], object], body: str) -> None:
    with pytest.raises(MessageError) as refusal:
        parse(body)
    assert SECRET not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize(
    ("parse", "kind"), [(parse_worker_message, "hold"), (parse_call_event, "order_placed")]
)
def test_a_refusal_never_quotes_an_unknown_field(parse: Callable[[str], object], kind: str) -> None:
    with pytest.raises(MessageError) as refusal:
        parse(f'{{"type":"{kind}","{SECRET}":1}}')
    assert SECRET not in str(refusal.value)


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(MessageError, match=r"clear\.generation"):
        parse_worker_message('{"type":"clear","generation":0}')


def test_a_control_message_has_a_greatest_length() -> None:
    long = encode_bridge_message(TransferFailed(cause="x" * MAX_CONTROL_BYTES))
    with pytest.raises(MessageError, match="too long"):
        decode_bridge_message(long)


def test_a_workers_control_message_has_it_too() -> None:
    padded = '{"type":"hold"}' + " " * MAX_CONTROL_BYTES
    with pytest.raises(MessageError):
        parse_worker_message(padded)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.7:9000/calls/abc",
        "ws://10.0.0.7/calls/abc",
        "ws://10.0.0.7:9000",
        "ws://10.0.0.7:9000/calls/abc def",
        "ws://10.0.0.7:9000/calls/abc\nuuid_kill",
        "ws://10.0.0.7:9000/calls/abc\n",
        "ws://10.0.0.7:9000/calls/${uuid}",
        "ws://user@10.0.0.7:9000/calls/abc",
        "ws://10.0.0.7:9000/calls/abc?x=1",
        "ws://10.0.0.7:9000/" + "a" * 200,
    ],
)
def test_a_claim_cannot_bring_a_second_command(url: str) -> None:
    """The URL becomes part of an event socket command."""
    assert CallClaim.model_validate(CLAIM).url == CLAIM["url"]
    with pytest.raises(ValidationError):
        CallClaim.model_validate({**CLAIM, "url": url})


@pytest.mark.parametrize("digit", ["", "12", "E", "a", " ", "é", "٣"])
def test_a_key_is_one_of_sixteen(digit: str) -> None:
    with pytest.raises(ValidationError):
        Dtmf(digit=digit)


def test_messages_never_change() -> None:
    with pytest.raises(ValidationError):
        Clear(generation=1).generation = 2  # type: ignore[misc]  # that is the test


def test_what_a_caller_or_a_model_wrote_is_clean_in_every_fact() -> None:
    dirty = "b\x0153uf\ud800\0"
    facts: list[AnyCallEvent] = [
        TurnEnded(**HEADING, position=1, role="tool", text=dirty, tool_name=dirty),
        CallArrived(
            **HEADING,
            bridge_id="b",
            channel_uuid=CHANNEL,
            sip_call_id=dirty,
            caller_number=dirty,
        ),
        CallEnded(**HEADING, hangup_cause=dirty, outcome=CallOutcome.ERROR, duration_ms=1),
    ]
    for fact in facts:
        sent = fact.to_json()
        assert "bœuf" in sent
        assert "u0000" not in sent
        assert parse_call_event(sent) == fact
    from_before = facts[0].to_json().replace("bœuf", "b\\u0000e9")
    assert '"text":"bé"' in parse_call_event(from_before).to_json()
