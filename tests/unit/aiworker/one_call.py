"""One call of a worker without sockets, on a clock that stands still until a test moves it."""

import asyncio
from typing import Any, Final, cast

import pytest
from openai import AsyncOpenAI
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from websockets.asyncio.server import ServerConnection

from aiworker.call_events import CallEventLog
from aiworker.call_memory import CallMemory
from aiworker.clients import Clients
from aiworker.media.stream import MediaStream
from aiworker.order_desk import OrderDesk
from aiworker.realtime.client_events import ClientEvent
from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.events import (
    AudioDelta,
    AudioDone,
    FinishedResponse,
    FunctionCall,
    OutputItemDone,
    ResponseBegun,
    ResponseCreated,
    ResponseDone,
    TranscriptDone,
)
from aiworker.settings import WorkerSettings
from aiworker.worker_call import WorkerCall
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.media import FRAME_MS, L16_BYTES_PER_MS, PCMU_BYTES_PER_MS
from controlplane.contracts.messages import (
    CallEvent,
    CallOffer,
    GreetingEnded,
    WorkerMessage,
    parse_worker_message,
)
from tests.small_menu import CONFIG

TICK_SECONDS: Final = 0.2
SILENCE: Final = bytes(FRAME_MS * L16_BYTES_PER_MS)
_MOMENT: Final = "Nous sommes le "


class RecordedSession:
    """A Realtime session that keeps what it is sent."""

    def __init__(self, now: float) -> None:
        self.sent: list[ClientEvent] = []
        self.heard_from_at = now
        self.probes = 0
        self.given_up: str | None = None

    def send(self, event: ClientEvent) -> None:
        self.sent.append(event)

    def append_audio(self, pcmu: bytes) -> None:
        pass

    def probe(self) -> None:
        self.probes += 1

    def give_up(self, reason: str) -> None:
        self.given_up = reason

    @property
    def responses(self) -> int:
        return sum(event["type"] == "response.create" for event in self.sent)

    @property
    def told(self) -> list[str]:
        """What the model was told and the caller does not hear, but for the date and time."""
        return [text for text in self._system_texts() if not text.startswith(_MOMENT)]

    @property
    def told_the_time(self) -> list[str]:
        return [text for text in self._system_texts() if text.startswith(_MOMENT)]

    def _system_texts(self) -> list[str]:
        items = [event["item"] for event in self.sent if "item" in event]
        return [item["content"][0]["text"] for item in items if item.get("role") == "system"]


class OneCall:
    """A `WorkerCall` after its greeting, and the bridge and the model around it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        self.call_events: list[CallEvent] = []
        self.sent: list[WorkerMessage] = []
        offer = CallOffer(
            call_id=new_id(),
            restaurant_id=CONFIG.id,
            bridge_id="bridge-test",
            channel_uuid=new_id(),
            attempt=1,
        )
        self.call_id = offer.call_id
        self.call = WorkerCall(
            offer,
            CONFIG,
            MediaStream(cast("ServerConnection", self)),
            CallMemory(cast("Redis", None), offer.call_id),
            WorkerSettings(DATABASE_URL="postgresql://x", REDIS_URL="redis://x"),
            Clients(
                redis=cast("Redis", None),
                events=cast("CallEventLog", self),
                realtime=cast("AsyncOpenAI", None),
                engine=cast("AsyncEngine", None),
                sessions=cast("async_sessionmaker[AsyncSession]", None),
                orders=OrderDesk(
                    cast("Redis", None), cast("async_sessionmaker[AsyncSession]", None)
                ),
            ),
        )

    # --- What the call is given instead of a stream and an event log ---------------------------

    async def send(self, text: str) -> None:
        if '"streamAudio"' not in text:
            self.sent.append(parse_worker_message(text))

    def tell(self, event: CallEvent) -> None:
        self.call_events.append(event)

    # --- The bridge and time -------------------------------------------------------------------

    def end_greeting(self) -> None:
        self.call.on_bridge_message(GreetingEnded())

    def asked_of_bridge(self) -> list[WorkerMessage]:
        """What the call asked of the bridge since this was last looked at."""
        asyncio.run(self.call.speech_output.send_due())
        asked, self.sent = self.sent, []
        return asked

    def wait(self, seconds: float, *, frames: bool = True) -> None:
        """Let time pass, as the call's clock ticks and the caller's silence comes in `frames`."""
        for _ in range(round(seconds / TICK_SECONDS)):
            self.now += TICK_SECONDS
            if frames:
                self.call.hear(SILENCE)
            asyncio.run(self.call.speech_output.send_due())
            self.call.tick()

    # --- The model -----------------------------------------------------------------------------

    def open_session(self) -> RecordedSession:
        session = RecordedSession(self.now)
        self.call.session_opened(cast("RealtimeLink", session))
        return session

    def says(
        self, text: str, *, ms: int = 400, tool: str | None = None, arguments: str = "{}"
    ) -> None:
        """A whole response: this speech, and a tool call."""
        response, item = f"response_{new_id()}", f"item_{new_id()}"
        events: list[Any] = [
            ResponseCreated(response=ResponseBegun(id=response)),
            AudioDelta(response_id=response, item_id=item, delta=bytes(ms * PCMU_BYTES_PER_MS)),
            AudioDone(item_id=item),
            TranscriptDone(item_id=item, transcript=text),
        ]
        if tool is not None:
            call = FunctionCall(call_id=str(new_id()), name=tool, arguments=arguments)
            events.append(OutputItemDone(response_id=response, item=call))
        events.append(ResponseDone(response=FinishedResponse(id=response, status="completed")))
        for event in events:
            self.call.on_realtime_event(event)

    def use_tool(self) -> None:
        """Run the tool call that waits."""
        asyncio.run(self.call.use_next_tool())
