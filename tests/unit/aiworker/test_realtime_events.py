"""Every frame of a Realtime server is an event, an unknown one, or refused; never an exception.

The frames are shaped as the API's reference shows them, whole, with what the worker does not use.
"""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiworker.realtime.events import (
    AudioDelta,
    AudioDone,
    FinishedResponse,
    FunctionCall,
    InputCommitted,
    InputTokens,
    InputTranscribed,
    MalformedEvent,
    OtherItem,
    OutputItemDone,
    OutputTokens,
    ResponseCreated,
    ResponseDone,
    ResponseUsage,
    ServerError,
    ServerEvent,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TranscriptDelta,
    TranscriptDone,
    TranscriptionFailed,
    Unknown,
    Unused,
    parse_event,
)
from aiworker.realtime.session import check_formats

pytestmark = pytest.mark.unit

PCMU = bytes(range(160))
USAGE = {
    "total_tokens": 253,
    "input_tokens": 132,
    "output_tokens": 121,
    "input_token_details": {
        "text_tokens": 119,
        "audio_tokens": 13,
        "image_tokens": 0,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0, "image_tokens": 0},
    },
    "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
}
CALL = {
    "id": "item_9",
    "object": "realtime.item",
    "type": "function_call",
    "status": "completed",
    "call_id": "call_1",
    "name": "add_item",
    "arguments": '{"dish":"margherita"}',
}
MESSAGE = {
    "id": "item_8",
    "object": "realtime.item",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_audio", "transcript": "Bonjour."}],
}
SPEECH: dict[str, Any] = {"output_index": 0, "content_index": 0, "item_id": "item_8"}


def frame(type_: str, **fields: Any) -> bytes:
    return json.dumps({"event_id": "event_1", "type": type_, **fields}).encode()


@pytest.mark.parametrize(
    ("raw", "event"),
    [
        (
            frame(
                "response.output_audio.delta",
                response_id="resp_1",
                delta=base64.b64encode(PCMU).decode(),
                **SPEECH,
            ),
            AudioDelta(response_id="resp_1", item_id="item_8", content_index=0, delta=PCMU),
        ),
        (
            frame("response.output_audio.done", response_id="resp_1", **SPEECH),
            AudioDone(response_id="resp_1", item_id="item_8"),
        ),
        (
            frame("response.output_audio_transcript.delta", delta="Bon", **SPEECH),
            TranscriptDelta(item_id="item_8", delta="Bon"),
        ),
        (
            frame("response.output_audio_transcript.done", transcript="Bonjour.", **SPEECH),
            TranscriptDone(item_id="item_8", transcript="Bonjour."),
        ),
        (
            frame("input_audio_buffer.speech_started", audio_start_ms=620, item_id="item_3"),
            SpeechStarted(item_id="item_3"),
        ),
        (
            frame("input_audio_buffer.speech_stopped", audio_end_ms=1_620, item_id="item_3"),
            SpeechStopped(item_id="item_3"),
        ),
        (
            frame("input_audio_buffer.committed", previous_item_id=None, item_id="item_3"),
            InputCommitted(item_id="item_3"),
        ),
        (
            frame(
                "conversation.item.input_audio_transcription.completed",
                item_id="item_3",
                content_index=0,
                transcript="D'accord.",
                usage={"type": "duration", "seconds": 1.2},
            ),
            InputTranscribed(item_id="item_3", transcript="D'accord."),
        ),
        (
            frame(
                "conversation.item.input_audio_transcription.failed",
                item_id="item_3",
                content_index=0,
                error={"type": "server_error", "code": None, "message": "…", "param": None},
            ),
            TranscriptionFailed(item_id="item_3"),
        ),
        (
            frame("response.output_item.done", response_id="resp_1", output_index=1, item=CALL),
            OutputItemDone(
                response_id="resp_1",
                item=FunctionCall(
                    call_id="call_1", name="add_item", arguments='{"dish":"margherita"}'
                ),
            ),
        ),
        (
            frame("response.output_item.done", response_id="resp_1", output_index=0, item=MESSAGE),
            OutputItemDone(response_id="resp_1", item=OtherItem(type="message", id="item_8")),
        ),
        (
            frame(
                "response.done", response={"id": "resp_1", "status": "completed", "usage": USAGE}
            ),
            ResponseDone(
                response=FinishedResponse(
                    id="resp_1",
                    status="completed",
                    usage=ResponseUsage(
                        input_token_details=InputTokens(
                            audio_tokens=13, text_tokens=119, cached_tokens=64
                        ),
                        output_token_details=OutputTokens(audio_tokens=91, text_tokens=30),
                    ),
                )
            ),
        ),
        (frame("rate_limits.updated", rate_limits=[]), Unused(type="rate_limits.updated")),
        (frame("session.weather_updated", forecast="rain"), Unknown("session.weather_updated")),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, bytes) else "",
)
def test_a_frame_of_the_api_is_this_event(raw: bytes, event: ServerEvent) -> None:
    assert parse_event(raw) == event


def test_a_response_has_an_id() -> None:
    event = parse_event(frame("response.created", response={"id": "resp_1", "output": []}))
    assert isinstance(event, ResponseCreated)
    assert event.response.id == "resp_1"


def test_a_session_says_what_it_speaks() -> None:
    side = {"format": {"type": "audio/pcmu"}, "turn_detection": {"type": "server_vad"}}
    session = {"type": "realtime", "audio": {"input": side, "output": side | {"voice": "marin"}}}
    event = parse_event(frame("session.updated", session=session))
    assert isinstance(event, SessionUpdated)
    check_formats(event)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "x", "message": "secret"}, "x"),
        ({"type": "server_error", "code": None}, "server_error"),
        ({"code": "x" * 1_000}, "x" * 64),
        ("garbage", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_error_is_its_code_never_its_message(error: object, code: str) -> None:
    event = parse_event(frame("error", error=error))
    assert isinstance(event, ServerError)
    assert event.code == code


@pytest.mark.parametrize("usage", [None, 7, {"input_token_details": {"audio_tokens": -1}}])
def test_a_bill_that_cannot_be_read_does_not_cost_the_event(usage: object) -> None:
    event = parse_event(frame("response.done", response={"id": "resp_1", "usage": usage}))
    assert event == ResponseDone(response=FinishedResponse(id="resp_1"))


def test_a_part_that_is_null_is_the_first_of_its_item() -> None:
    delta = base64.b64encode(PCMU).decode()
    of = {"response_id": "resp_1", "item_id": "item_8", "content_index": None}
    event = parse_event(frame("response.output_audio.delta", delta=delta, **of))
    assert event == AudioDelta(response_id="resp_1", item_id="item_8", delta=PCMU)


def test_a_tool_may_be_called_with_null_for_arguments() -> None:
    event = parse_event(frame("response.output_item.done", item={**CALL, "arguments": None}))
    assert event == OutputItemDone(item=FunctionCall(call_id="call_1", name="add_item"))


def test_a_failed_response_says_why() -> None:
    details = {"type": "failed", "error": {"type": "invalid_request", "code": "rate_limit"}}
    failed = {"id": "resp_1", "status": "failed", "status_details": details, "usage": None}
    event = parse_event(frame("response.done", response=failed))
    assert isinstance(event, ResponseDone)
    assert event.response.error_code == "rate_limit"


@pytest.mark.parametrize(
    ("raw", "event_type"),
    [
        (b"", None),
        (b"\xff\xfe", None),
        (b"[]", None),
        (b"{}", None),
        (b"[" * 100_000, None),
        (frame("error")[:-1], None),
        (frame("response.output_audio.delta", **SPEECH), "response.output_audio.delta"),
        (
            frame("response.output_audio.delta", response_id="r", delta="not base64!", **SPEECH),
            "response.output_audio.delta",
        ),
        (
            frame("response.output_item.done", item={"type": "function_call"}),
            "response.output_item.done",
        ),
        (frame("response.created", response={}), "response.created"),
    ],
)
def test_what_is_no_event_is_refused(raw: bytes, event_type: str | None) -> None:
    with pytest.raises(MalformedEvent) as refused:
        parse_event(raw)
    assert refused.value.event_type == event_type


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
TYPES = [
    *(event.type for event in (AudioDone(item_id=""), SpeechStarted(), ServerError())),
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
    "response.output_item.done",
    "response.created",
    "response.done",
    "session.updated",
    "conversation.item.input_audio_transcription.completed",
    "session.weather_updated",
]
FIELDS = ["response_id", "item_id", "content_index", "delta", "transcript", "item", "response"]
FIELDS += ["session", "error", "type", "usage", "status", "call_id", "name", "arguments", "audio"]


@given(
    st.sampled_from(TYPES) | JSON,
    st.dictionaries(
        st.sampled_from(FIELDS), JSON | st.dictionaries(st.sampled_from(FIELDS), JSON), max_size=5
    ),
)
def test_any_object_is_an_event_or_refused(type_: object, fields: dict[str, object]) -> None:
    parsed_or_refused(json.dumps(fields | {"type": type_}).encode())


@given(st.binary(max_size=64) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_frame_is_an_event_or_refused(raw: bytes) -> None:
    parsed_or_refused(raw)


def parsed_or_refused(raw: bytes) -> None:
    try:
        event = parse_event(raw)
    except MalformedEvent:
        return
    assert isinstance(event, ServerEvent)
    if isinstance(event, Unknown):
        assert len(event.type) <= 64


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (b"une reine \\ud83c", "une reine "),
        (b"tiramis\\u0000f9", "tiramisù"),
        (b"deux\\u0000 pizzas\\u0007", "deux pizzas"),
        (b"une \xff reine \xed\xa0\xbd", "une  reine "),
        (b"une\x01 reine", "une reine"),
    ],
)
def test_what_was_said_is_text_and_dirt_in_it_does_not_cost_the_event(
    said: bytes, meant: str
) -> None:
    heard = b'{"type": "%s", "item_id": "i1", "transcript": "%s"}'
    caller = b"conversation.item.input_audio_transcription.completed"
    assert parse_event(heard % (caller, said)) == InputTranscribed(item_id="i1", transcript=meant)
    assistant = b"response.output_audio_transcript.done"
    assert parse_event(heard % (assistant, said)) == TranscriptDone(item_id="i1", transcript=meant)


def test_a_response_is_done_whatever_its_words_are() -> None:
    raw = b'{"type":"response.done","response":{"id":"r1","output":[{"text":"\\ud83d"}]}}'
    assert parse_event(raw) == ResponseDone(
        response=FinishedResponse(id="r1", output=(OtherItem(),))
    )
