"""Event socket framing: whatever arrives, in whatever pieces, is a frame or a clear refusal."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.esl.errors import EslProtocolError
from controlplane.esl.event import EslEvent
from controlplane.esl.frames import MAX_BODY_BYTES, MAX_HEADER_BYTES, Frame, FrameParser

pytestmark = pytest.mark.unit

# As captured from FreeSWITCH 1.10.12 (`status`, an event with a body, a bad password).
_GREETING = b"Content-Type: auth/request\n\n"
_ACCEPTED = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"
_API = b"Content-Type: api/response\nContent-Length: 8\n\n+OK 134\n"
_CONNECT_EVENT = json.dumps(
    {
        "Event-Subclass": "mod_audio_stream::connect",
        "Event-Name": "CUSTOM",
        "Unique-ID": "9873a847-6723-430c-88ff-97eaf6d4d7a4",
        "Content-Length": "22",
        "_body": '{"status":"connected"}',
    },
    separators=(",", ":"),
).encode()
_EVENT = (
    b"Content-Length: %d\nContent-Type: text/event-json\n\n" % len(_CONNECT_EVENT) + _CONNECT_EVENT
)
_GOODBYE = b"Content-Type: text/disconnect-notice\nContent-Length: 21\n\nDisconnected, goodbye"
_STREAM = _GREETING + _ACCEPTED + _API + _EVENT + _API + _GOODBYE


def _parse(*pieces: bytes) -> tuple[list[Frame], str | None]:
    """Every frame of `pieces`, and why the parser refused the rest, if it did."""
    parser = FrameParser()
    frames: list[Frame] = []
    try:
        for piece in pieces:
            frames += parser.feed(piece)
        parser.feed_eof()
    except EslProtocolError as error:
        return frames, str(error)
    return frames, None


def _split(data: bytes, at: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(point % (len(data) + 1) for point in at)})
    return [data[begin:end] for begin, end in pairwise(edges)]


def test_a_captured_stream_is_cut_into_its_frames() -> None:
    frames, refusal = _parse(_STREAM)

    assert refusal is None
    assert [frame.content_type for frame in frames] == [
        "auth/request",
        "command/reply",
        "api/response",
        "text/event-json",
        "api/response",
        "text/disconnect-notice",
    ]
    assert frames[0].body is None
    assert frames[1].headers["reply-text"] == "+OK accepted"
    assert frames[2].text == "+OK 134\n"
    assert EslEvent.parse(frames[3].body or b"").json_body() == {"status": "connected"}


def test_an_empty_body_is_not_a_missing_one() -> None:
    frames, _ = _parse(b"Content-Type: api/response\nContent-Length: 0\n\n" + _GREETING)

    assert frames[0].body == b""
    assert frames[1].body is None


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_both_line_ends_and_empty_lines_between_frames_are_taken(line_end: bytes) -> None:
    api = _API.replace(b"\n", line_end).replace(b"134" + line_end, b"134\n")
    frames, refusal = _parse(line_end * 3 + api + line_end * 2 + api + line_end)

    assert refusal is None
    assert [frame.text for frame in frames] == ["+OK 134\n"] * 2


def test_a_reply_without_content_type_is_still_a_reply() -> None:
    frames, _ = _parse(b"Reply-Text: +OK\n\nX-Unknown: 1\n\n")

    assert [frame.content_type for frame in frames] == ["command/reply", None]


def test_percent_signs_and_bytes_that_are_not_utf_8_are_kept_apart_from_framing() -> None:
    frames, refusal = _parse(
        b"Reply-Text: 100%0AContent-Length: 9\n\nContent-Length: 4\n\n\xe9t\xe9!"
    )

    assert refusal is None
    assert frames[0].headers == {"reply-text": "100%0AContent-Length: 9"}
    assert frames[1].text == "�t�!"


@pytest.mark.parametrize(
    "length",
    ["-1", "-2147483648", "+5", "1e3", "0x10", "5 5", "", "٣", "1_0", "9" * 11, "4294967296"],
)
def test_a_content_length_that_is_no_length_is_refused(length: str) -> None:
    frames, refusal = _parse(f"Content-Length: {length}\n\n".encode(), b"x" * 64)

    assert frames == []
    assert refusal is not None
    assert "Content-Length" in refusal


def test_a_body_up_to_the_limit_is_taken_and_one_byte_more_refused_before_it_comes() -> None:
    body = b"x" * MAX_BODY_BYTES
    frames, refusal = _parse(b"Content-Length: %d\n\n" % len(body), body)
    assert (len(frames[0].body or b""), refusal) == (MAX_BODY_BYTES, None)

    _, refusal = _parse(b"Content-Length: %d\n\n" % (len(body) + 1))
    assert refusal is not None


@pytest.mark.parametrize("ended", [b"", b"\n\n"], ids=["endless", "ended"])
def test_a_header_block_over_the_limit_is_refused(ended: bytes) -> None:
    block = b"X: " + b"x" * MAX_HEADER_BYTES + ended
    for pieces in ([block], _split(block, [1000, 40_000, MAX_HEADER_BYTES])):
        frames, refusal = _parse(*pieces)
        assert frames == []
        assert refusal is not None
        assert "header block" in refusal


@pytest.mark.parametrize(
    "stream",
    [
        b"no colon\n\n",
        b"Content-Length: 1\nContent-Length: 2\n\nxx",
        b"Content-Length: 5\nsurprise\n\nabcde",
        b"Content-Length: 5\n\nabc",
        b"Content-Type: auth/request\n",
    ],
)
def test_a_broken_stream_is_refused(stream: bytes) -> None:
    _, refusal = _parse(stream)
    assert refusal is not None


def test_nothing_is_read_after_a_refusal() -> None:
    parser = FrameParser()
    with pytest.raises(EslProtocolError):
        list(parser.feed(b"Content-Length: -1\n\n"))
    with pytest.raises(EslProtocolError):
        list(parser.feed(_API))


_POINTS = st.lists(st.integers(min_value=0, max_value=2000), max_size=12)
_WORDS = st.sampled_from(
    [
        b"Content-Length: ",
        b"Content-Type: ",
        b"\n",
        b"\r\n",
        b"\n\n",
        b":",
        b"3",
        b"-1",
        b"abc",
        b"\0",
    ]
)


@settings(max_examples=300)
@given(
    data=st.one_of(st.binary(max_size=300), st.lists(_WORDS, max_size=30).map(b"".join)),
    points=_POINTS,
)
def test_any_bytes_are_frames_or_a_refusal_however_they_are_split(
    data: bytes, points: list[int]
) -> None:
    whole = _parse(data)
    assert _parse(*_split(data, points)) == whole
    assert _parse(*(data[at : at + 1] for at in range(len(data)))) == whole


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """The captured stream with a few bytes changed, dropped, doubled or inserted."""
    stream = bytearray(_STREAM)
    for _ in range(draw(st.integers(min_value=1, max_value=6))):
        at = draw(st.integers(min_value=0, max_value=len(stream) - 1))
        change = draw(st.sampled_from(["set", "drop", "double", "insert"]))
        match change:
            case "set":
                stream[at] = draw(st.integers(min_value=0, max_value=255))
            case "drop":
                del stream[at : at + draw(st.integers(min_value=1, max_value=20))]
            case "double":
                stream[at:at] = stream[at : at + 20]
            case _:
                stream[at:at] = draw(_WORDS)
        if not stream:
            break
    return bytes(stream)


@settings(max_examples=300)
@given(data=_mutated(), points=_POINTS)
def test_a_damaged_capture_is_frames_or_a_refusal_however_it_is_split(
    data: bytes, points: list[int]
) -> None:
    frames, refusal = _parse(data)
    assert _parse(*_split(data, points)) == (frames, refusal)
    for frame in frames:
        try:
            event = EslEvent.parse(frame.body or b"")
        except EslProtocolError:
            continue
        "".join(event[name] for name in event).encode()  # whatever it holds can be passed on


@settings(max_examples=200)
@given(bodies=st.lists(st.binary(max_size=200), max_size=5), points=_POINTS)
def test_bodies_come_back_byte_for_byte(bodies: list[bytes], points: list[int]) -> None:
    stream = b"".join(b"Content-Length: %d\n\n%s" % (len(body), body) for body in bodies)
    frames, refusal = _parse(*_split(stream, points))

    assert refusal is None
    assert [frame.body for frame in frames] == bodies
