"""Client events are refused as the service refuses them: code, words and the parameter named."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiworker.simulator.client_events import parse
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.session_config import SessionConfig
from aiworker.simulator.vad import VadSettings

pytestmark = pytest.mark.unit


def session(**fields: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", **fields}}


def heard(**fields: Any) -> dict[str, Any]:
    return session(audio={"input": fields})


def item(**fields: Any) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": fields}


def take(event: dict[str, Any]) -> dict[str, Any]:
    parsed = parse(json.dumps(event))
    if parsed["type"] == "session.update":
        SessionConfig(session_id="sess_1", model="m").update(parsed["session"])
    return parsed


@pytest.mark.parametrize(
    "event",
    [
        session(),
        heard(format={"type": "audio/pcmu"}),
        heard(turn_detection=None),
        heard(turn_detection={"type": "semantic_vad", "eagerness": "high"}),
        session(max_output_tokens="inf"),
        session(tools=[{"type": "function", "name": "f", "parameters": {"anything": [1]}}]),
        item(type="message", role="user", content=[{"type": "input_text", "text": "x"}]),
        item(type="function_call_output", call_id="c", output="{}"),
        {"type": "response.create"},
        {"type": "response.create", "response": {"conversation": "none", "input": []}},
    ],
)
def test_what_the_service_takes_is_taken(event: dict[str, Any]) -> None:
    assert take(event) == event


@pytest.mark.parametrize(
    ("event", "code", "param"),
    [
        ({}, "missing_required_parameter", "type"),
        ({"type": "response.start"}, "invalid_value", "type"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        (session(voice="marin"), "unknown_parameter", "session.voice"),
        (session(output_modalities=["text", "audio"]), "invalid_value",
         "session.output_modalities"),
        (session(max_output_tokens=4_097), "integer_above_max_value",
         "session.max_output_tokens"),
        (session(tools=[{"type": "function", "name": "a b"}]), "invalid_value",
         "session.tools[0].name"),
        (session(tools=[{"type": "function", "name": "a", "strict": True}]),
         "unknown_parameter", "session.tools[0].strict"),
        (heard(format={"type": "audio/pcm", "rate": 8_000}), "invalid_value",
         "session.audio.input.format.rate"),
        (heard(format={"type": "audio/pcm"}), "missing_required_parameter",
         "session.audio.input.format.rate"),
        (heard(format={"type": "audio/pcmu", "rate": 8_000}), "unknown_parameter",
         "session.audio.input.format.rate"),
        (heard(format={"type": "g711_ulaw"}), "invalid_value", "session.audio.input.format.type"),
        (heard(format={"type": None}), "missing_required_parameter",
         "session.audio.input.format.type"),
        (heard(format="g711_ulaw"), "invalid_type", "session.audio.input.format"),
        (heard(turn_detection={"type": "server_vad", "threshold": 2}),
         "decimal_above_max_value", "session.audio.input.turn_detection.threshold"),
        (heard(turn_detection={"type": "server_vad", "idle_timeout_ms": 4_999}),
         "integer_below_min_value", "session.audio.input.turn_detection.idle_timeout_ms"),
        (heard(turn_detection={"type": "semantic_vad", "idle_timeout_ms": 6_000}),
         "unknown_parameter", "session.audio.input.turn_detection.idle_timeout_ms"),
        ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 5}, "invalid_type", "audio"),
        (item(type="message", role="boss", content=[]), "invalid_value", "item.role"),
        (item(type="message", role="assistant", content=[{"type": "text", "text": "x"}]),
         "invalid_value", "item.content[0].type"),
        (item(type="function_call_output", output="{}"), "missing_required_parameter",
         "item.call_id"),
        ({"type": "response.create", "response": {"temperature": 1}}, "unknown_parameter",
         "response.temperature"),
        ({"type": "conversation.item.truncate", "item_id": "a", "content_index": 0},
         "missing_required_parameter", "audio_end_ms"),
    ],
)  # fmt: skip
def test_what_the_service_refuses_is_refused(event: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        take(event)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_a_range_is_told_in_the_service_s_words() -> None:
    with pytest.raises(InvalidRequest) as refused:
        take(session(audio={"output": {"speed": 9}}))
    assert refused.value.message == (
        "Invalid 'session.audio.output.speed': decimal above maximum value. "
        "Expected a value <= 1.5, but got 9 instead."
    )


def test_a_refusal_names_the_event() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse('{"type": "session.update", "event_id": "mine"}')
    assert refused.value.event_id == "mine"


def test_an_update_changes_only_what_it_names() -> None:
    config = SessionConfig(session_id="sess_1", model="m")
    config.update({"type": "realtime", "instructions": "Bonjour"})
    turn = {"type": "server_vad", "threshold": 0.7}
    config.update({"type": "realtime", "audio": {"input": {"turn_detection": turn}}})
    config.update({"type": "realtime", "audio": {"output": {"voice": "marin"}}})
    assert config.data["instructions"] == "Bonjour"
    assert config.turn_detection is not None
    assert config.turn_detection["threshold"] == 0.7
    assert config.turn_detection["prefix_padding_ms"] == 300
    assert config.voice == "marin"
    config.update({"type": "realtime", "audio": {"input": {"turn_detection": None}}})
    assert config.vad is None


@pytest.mark.parametrize(
    "nothing",
    [
        {"audio": None},
        {"audio": {"input": None, "output": None}},
        {"audio": {"input": {"format": None, "turn_detection": None}}},
        {"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": None}}}},
        {"audio": {"output": {"format": None, "voice": None, "speed": None}}},
        {"tools": None, "output_modalities": None, "max_output_tokens": None, "model": None},
    ],
)
def test_null_leaves_what_cannot_be_nothing(nothing: dict[str, Any]) -> None:
    config = SessionConfig(session_id="sess_1", model="m")
    before = json.loads(json.dumps(config.data))
    config.update({"type": "realtime", **nothing})
    after = config.data
    assert config.vad in (None, VadSettings())
    before["audio"]["input"]["turn_detection"] = after["audio"]["input"]["turn_detection"]
    assert after == before


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_TYPES = st.sampled_from(
    ["session.update", "conversation.item.create", "response.create", "input_audio_buffer.append"]
)


def _answer(event: dict[str, Any]) -> object:
    try:
        return take(event)
    except InvalidRequest as refusal:
        return "refused" if refusal.code and refusal.message else refusal


@given(
    kind=_TYPES,
    fields=st.dictionaries(st.sampled_from(["session", "item", "response", "audio"]), _JSON),
    inner=st.dictionaries(
        st.sampled_from(["type", "role", "content", "audio", "tools", "call_id", "output"]), _JSON
    ),
)
def test_any_json_is_taken_or_refused_never_worse(
    kind: str, fields: dict[str, Any], inner: dict[str, Any]
) -> None:
    for event in ({"type": kind} | fields, {"type": kind, "item": inner, "session": inner}):
        assert _answer(event) in (event, "refused")


@given(st.binary(max_size=40))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse(data)
