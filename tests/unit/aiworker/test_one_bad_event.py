"""One bad event never ends a task of a call or of the worker: the next one is dealt with."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from aiworker import supervised_loop
from aiworker.call_events import CallEventLog
from aiworker.call_session import hold_session, listen, use_link
from aiworker.clients import Clients
from aiworker.media.stream import MediaStream, StreamOver
from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.errors import RealtimeUnavailable
from aiworker.realtime.events import ServerEvent, SpeechStarted, SpeechStopped
from aiworker.supervised_loop import repeat
from aiworker.tools.tool import Tool
from aiworker.tools.toolbox import TOOLS
from aiworker.worker_call import WorkerCall
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import TurnEnded
from tests.unit.aiworker.one_call import OneCall
from tests.waiting import until

pytestmark = pytest.mark.unit


class Careless:
    """A call that cannot deal with the first thing that happens."""

    model, session_config = "gpt-realtime", dict[str, Any]()

    def __init__(self) -> None:
        self.happened: list[object] = []

    def hear(self, frame: bytes) -> None:
        self._deal_with(frame)

    def on_realtime_event(self, event: ServerEvent) -> None:
        self._deal_with(event)

    def session_opened(self, link: RealtimeLink) -> None:
        pass

    def _deal_with(self, event: object) -> None:
        self.happened.append(event)
        if len(self.happened) == 1:
            raise LookupError("nobody thought of this")


@pytest.fixture
def careless() -> Careless:
    return Careless()


async def test_a_frame_that_fails_is_followed_by_the_next(careless: Careless) -> None:
    class Stream:
        async def messages(self) -> AsyncIterator[bytes]:
            yield b"1"
            yield b"2"
            raise StreamOver("closed")

    with pytest.raises(StreamOver):
        await listen(cast("WorkerCall", careless), cast("MediaStream", Stream()))
    assert careless.happened == [b"1", b"2"]


class Session:
    """A Realtime session of two events."""

    async def events(self) -> AsyncIterator[ServerEvent]:
        yield SpeechStarted()
        yield SpeechStopped()
        raise RealtimeUnavailable("closed_1000")

    async def close(self) -> None:
        pass


async def test_a_realtime_event_that_fails_is_followed_by_the_next(careless: Careless) -> None:
    with pytest.raises(RealtimeUnavailable):
        await use_link(cast("WorkerCall", careless), cast("RealtimeLink", Session()))
    assert careless.happened == [SpeechStarted(), SpeechStopped()]


async def test_a_session_that_fails_in_a_way_nobody_thought_of_is_a_lost_session(
    careless: Careless, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def open_link(*_: object, **__: object) -> RealtimeLink:
        raise LookupError("a client library's")

    monkeypatch.setattr(RealtimeLink, "open", open_link)
    clients = cast("Clients", type("NoClients", (), {"realtime": None}))
    with pytest.raises(RealtimeUnavailable, match="unforeseen_failure"):
        await hold_session(cast("WorkerCall", careless), clients)


def test_a_tool_that_fails_tells_the_model_and_the_call_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(*_: object) -> dict[str, Any]:
        raise LookupError("nobody thought of this")

    one = OneCall(monkeypatch)
    one.end_greeting()
    session = one.open_session()
    hang_up = TOOLS["hang_up"]
    broken = Tool(hang_up.name, hang_up.description, hang_up.arguments, fail)
    monkeypatch.setitem(TOOLS, "look_up_menu", broken)
    one.says("", tool="look_up_menu")
    one.use_tool()
    outputs = [e["item"]["output"] for e in session.sent if "output" in e.get("item", {})]
    assert "tool_failed" in outputs[-1]
    assert session.responses == 1
    assert one.call.conversation.tool_calls.running == 0


# --- The publisher -------------------------------------------------------------------------------


class Pipeline:
    """Redis as the publisher uses it: the first batch fails in a way nobody thought of."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self._batch: list[str] = []
        self._failed = False

    def pipeline(self, *, transaction: bool) -> "Pipeline":
        assert transaction
        self._batch = []
        return self

    async def __aenter__(self) -> "Pipeline":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def xadd(self, _stream: str, fields: dict[str, str], **_: object) -> None:
        self._batch.append(fields["event"])

    async def execute(self) -> None:
        if not self._failed:
            self._failed = True
            raise LookupError("nobody thought of this")
        self.published += self._batch


def turn(text: str) -> TurnEnded:
    """A turn, put together without its checks."""
    return TurnEnded.model_construct(
        id=new_id(),
        call_id=new_id(),
        restaurant_id=new_id(),
        at=datetime.now(UTC),
        position=0,
        role="caller",
        text=text,
    )


async def test_an_event_that_cannot_be_written_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And a batch that fails is published by the next turn, though nothing new was told."""
    monkeypatch.setattr(supervised_loop, "_AFTER_FAILURE_SECONDS", 0.0)
    redis = Pipeline()
    events = CallEventLog(cast("Redis", redis))
    for text in ("Bonjour", "\ud800", "une reine"):
        events.tell(turn(text))
    publishing = asyncio.create_task(repeat(events.publish, name="call_events"))
    await until(lambda: len(redis.published) >= 2)
    publishing.cancel()
    assert ["Bonjour" in redis.published[0], "une reine" in redis.published[1]] == [True, True]
