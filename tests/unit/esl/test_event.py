"""Events are read as FreeSWITCH serialises them, and refused as it never should."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.esl.errors import EslProtocolError
from controlplane.esl.event import EslEvent

pytestmark = pytest.mark.unit


def _event(body: str | None = None, **headers: object) -> EslEvent:
    named: dict[str, object] = {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        named["_body"] = body
    return EslEvent.parse(json.dumps(named))


def test_names_channel_and_body_are_read() -> None:
    event = _event(
        '{"status":"connected"}',
        Event_Name="CUSTOM",
        Event_Subclass="mod_audio_stream::connect",
        Unique_ID="9873a847",
    )

    assert (event.name, event.subclass) == ("CUSTOM", "mod_audio_stream::connect")
    assert event.channel_uuid == "9873a847"
    assert event.body == '{"status":"connected"}'
    assert event.json_body() == {"status": "connected"}
    assert "_body" not in event


def test_what_an_event_lacks_reads_as_none() -> None:
    event = _event(Event_Name="HEARTBEAT")

    assert (event.subclass, event.channel_uuid, event.body) == (None, None, None)
    assert event.get("Session-Count") is None
    assert event.get("Session-Count", "0") == "0"
    assert EslEvent.parse("{}").name == ""


def test_a_line_break_in_a_callers_name_stays_in_that_name() -> None:
    name = "Bob\nvariable_sip_gateway: tenant-2\u2028x%0Avariable_sip_gateway%3A%20tenant-3"
    event = EslEvent.parse(
        json.dumps({"variable_sip_gateway": "tenant-1", "Caller-Caller-ID-Name": name})
    )

    assert event["variable_sip_gateway"] == "tenant-1"
    assert event["Caller-Caller-ID-Name"] == name
    assert len(event) == 2


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    assert (
        EslEvent.parse(b'{"Caller-Caller-ID-Name":"Andr\xe9"}').get("Caller-Caller-ID-Name")
        == "Andr�"
    )


def test_a_lone_surrogate_becomes_text_that_can_be_sent_on() -> None:
    assert EslEvent.parse(rb'{"A":"x\ud800y"}')["A"].encode() == "x�y".encode()


def test_a_header_pushed_several_times_keeps_all_its_values() -> None:
    event = _event(variable_record=["one", "two"])

    assert event["variable-record"] == "one"
    assert event.all("variable-record") == ("one", "two")
    assert event.all("nothing") == ()


def test_numbers_are_kept_as_written() -> None:
    event = EslEvent.parse('{"A":1.50,"B":123456789012345678901234567890,"C":true,"D":null,"E":[]}')

    assert [event[name] for name in "ABCDE"] == [
        "1.50",
        "123456789012345678901234567890",
        "true",
        "",
        "",
    ]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b'"x"',
        b'{"a":{}}',
        b'{"a":[["b"]]}',
        b'{"a":',
        b"Event-Name: X",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda payload: payload[:12].decode(),
)
def test_what_is_no_event_is_refused(payload: bytes) -> None:
    with pytest.raises(EslProtocolError):
        EslEvent.parse(payload)


@pytest.mark.parametrize("body", [None, "", "[1]", "{", "+OK"])
def test_a_body_that_is_no_json_object_is_refused(body: str | None) -> None:
    with pytest.raises(EslProtocolError):
        _event(body, Event_Name="CUSTOM").json_body()


def test_it_shows_no_callers_number() -> None:
    event = _event(Event_Name="CHANNEL_PARK", Unique_ID="u", Caller_Caller_ID_Number="0612345678")

    assert repr(event) == "<EslEvent CHANNEL_PARK u>"


@given(st.dictionaries(st.text(min_size=1).filter(lambda name: name != "_body"), st.text()))
def test_any_text_comes_back_as_it_was(headers: dict[str, str]) -> None:
    event = EslEvent.parse(json.dumps(headers))

    assert {name: event[name] for name in event} == headers
