"""A client of the Realtime simulator: the real SDK's connection, every event held to its types."""

import asyncio
import audioop
import base64
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, get_args

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import BaseModel
from websockets.exceptions import ConnectionClosed

from aiworker.simulator import tone_code
from aiworker.simulator.link import SimulatorSettings
from aiworker.simulator.server import RealtimeSimulator
from tests.waiting import DEADLINE_S

"""Any single event comes within milliseconds; this is for a machine under load."""
QUICK: Final = SimulatorSettings(speed=20, think_ms=5, transcription_ms=5)
MODEL: Final = "gpt-realtime-2.1"
PCMU_SESSION: Final[dict[str, Any]] = {
    "type": "realtime",
    "audio": {
        "input": {
            "format": {"type": "audio/pcmu"},
            "transcription": {"model": "gpt-transcribe", "language": "fr"},
            "turn_detection": {
                "type": "server_vad",
                "create_response": False,
                "interrupt_response": False,
            },
        },
        "output": {"format": {"type": "audio/pcmu"}},
    },
}

_SERVER_EVENTS: Final[dict[str, type[BaseModel]]] = {
    get_args(member.model_fields["type"].annotation)[0]: member
    for member in get_args(get_args(RealtimeServerEvent)[0])
}
_UNTYPED: Final = {"session.id", "session.object", "session.expires_at"}
"""The service sends these fields and the SDK's types do not know them."""

Event = dict[str, Any]


def check(event: Event) -> None:
    """Hold a server event to the SDK's type of it, unknown fields refused."""
    model = _SERVER_EVENTS[event["type"]].model_validate(event, strict=True)
    assert not set(_extra(model, "")) - _UNTYPED, event


def _extra(value: object, path: str) -> Iterable[str]:
    if isinstance(value, BaseModel):
        yield from (f"{path}{name}" for name in value.model_extra or {})
        for name in value.model_fields_set:
            yield from _extra(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for element in value:
            yield from _extra(element, path)


class Client:
    """Holds one session: what was received, and the verbs of a test."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.events: list[Event] = []
        self._connection = connection

    async def send(self, event_type: str, **fields: Any) -> None:
        await self._connection.send_raw(json.dumps({"type": event_type, **fields}))

    async def next(self, *, checked: bool = True) -> Event:
        async with asyncio.timeout(DEADLINE_S):
            event: Event = json.loads(await self._connection.recv_bytes())
        self.events.append(event)
        if checked:
            check(event)
        return event

    async def until(self, *types: str) -> Event:
        """Receive up to the next event of one of these types, and return it."""
        while True:
            event = await self.next()
            if event["type"] in types:
                return event

    async def configure(self, **changes: Any) -> Event:
        """Send the usual session with `changes` over it."""
        await self.send("session.update", session=PCMU_SESSION | changes)
        return await self.until("session.updated")

    async def respond(self, **params: Any) -> Event:
        """Ask for a response; return its response.done."""
        await self.send("response.create", **({"response": params} if params else {}))
        done = await self.until("response.done")
        response: Event = done["response"]
        return response

    async def refusal(self, event_type: str, **fields: Any) -> Event:
        """Send an event that is to be refused; return the error."""
        await self.send(event_type, event_id="event_mine", **fields)
        error: Event = (await self.until("error"))["error"]
        assert error["event_id"] == "event_mine"
        return error

    async def append(self, l16: bytes, *, step_ms: int = 20) -> None:
        """Append L16 at 8 kHz as PCMU, all at once."""
        pcmu = audioop.lin2ulaw(l16, 2)
        for at in range(0, len(pcmu), step_ms * 8):
            audio = base64.b64encode(pcmu[at : at + step_ms * 8]).decode("ascii")
            await self.send("input_audio_buffer.append", audio=audio)

    async def closed(self) -> int:
        """Receive until the server closes; return the code the client saw."""
        try:
            while True:
                await self.next()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def of(self, event_type: str) -> list[Event]:
        return [event for event in self.events if event["type"] == event_type]

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def frames(self, item_id: str | None = None) -> list[int | None]:
        """Decode the tone-coded frames received, of one item or all."""
        return [
            index
            for event in self.of("response.output_audio.delta")
            if item_id in (None, event["item_id"])
            for index in tone_code.decode_frames(
                audioop.ulaw2lin(base64.b64decode(event["delta"]), 2)
            )
        ]


@asynccontextmanager
async def connected(server: RealtimeSimulator, *, configure: bool = True) -> AsyncIterator[Client]:
    """Connect with the SDK; configure PCMU both ways unless told otherwise."""
    async with (
        AsyncOpenAI(api_key="sk-test", websocket_base_url=server.url) as openai,
        openai.realtime.connect(model=MODEL) as connection,
    ):
        client = Client(connection)
        if configure:
            await client.until("session.created")
            await client.configure()
        yield client
