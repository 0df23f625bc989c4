"""What a Realtime server says badly is counted once, dropped, and costs the session nothing."""

from typing import cast

import pytest
import structlog
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosedOK
from websockets.frames import Close

from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.errors import RealtimeUnavailable
from aiworker.realtime.events import ServerEvent, SpeechStarted, Unknown

pytestmark = pytest.mark.unit

SPEECH = b'{"type":"input_audio_buffer.speech_started"}'
WEATHER = b'{"type":"session.weather_updated"}'


class Frames:
    """A connection on which these frames come, then a close 1000."""

    def __init__(self, *frames: bytes) -> None:
        self._frames = list(frames)

    async def recv_bytes(self) -> bytes:
        if self._frames:
            return self._frames.pop(0)
        raise ConnectionClosedOK(Close(1000, ""), None)


async def said(*frames: bytes) -> tuple[list[ServerEvent], list[str]]:
    """The events that come out, and what was logged."""
    link = RealtimeLink(cast("AsyncRealtimeConnection", Frames(*frames)))
    events: list[ServerEvent] = []
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(RealtimeUnavailable, match="closed_1000"):
            await collect(link, events)
    return events, [entry["event"] for entry in logs]


async def collect(link: RealtimeLink, events: list[ServerEvent]) -> None:
    async for event in link.events():
        events.append(event)


async def test_what_cannot_be_read_is_dropped() -> None:
    events, logged = await said(b"", b'{"type":"response.created"}', SPEECH)
    assert events == [SpeechStarted()]
    assert logged == ["realtime_event_unreadable", "realtime_event_skipped"]


async def test_an_unknown_type_is_counted_once() -> None:
    events, logged = await said(WEATHER, WEATHER, SPEECH)
    assert events == [Unknown("session.weather_updated")] * 2 + [SpeechStarted()]
    assert logged == ["realtime_event_unknown"]


async def test_names_made_up_do_not_fill_the_log() -> None:
    _, logged = await said(*(b'{"type":"made.up.%d"}' % number for number in range(100)))
    assert len(logged) == 32


async def test_another_format_ends_the_session() -> None:
    link = RealtimeLink(cast("AsyncRealtimeConnection", Frames(b'{"type":"session.updated"}')))
    with pytest.raises(RealtimeUnavailable, match="input_format_not_pcmu"):
        await anext(link.events())
