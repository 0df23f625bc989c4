"""The Realtime simulator without sockets, and a model that takes one order. In virtual time."""

import asyncio
import audioop
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, cast

from openai import AsyncOpenAI
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from aiworker.simulator.brain import Answer, Brain, Call, Output, Say, Turn
from aiworker.simulator.conversation import Item
from aiworker.simulator.faults import ConnectionFaults, Fault, FaultKind
from aiworker.simulator.hearing import Hearing, Recognised
from aiworker.simulator.journal import Journal
from aiworker.simulator.link import Link, SimulatorSettings
from aiworker.simulator.session import RealtimeSession

SENTENCES: Final = ("une margherita", "c'est tout", "oui", "où êtes-vous")
TOOLS: Final = ("add_item", "read_back", "place_order")
ANSWERS: Final = (
    "C'est noté, une Margherita.",
    "Une Margherita, c'est bien cela ?",
    "C'est enregistré.",
    "Nous sommes rue du Test.",
)
AGAIN: Final = "Pouvez-vous répéter ?"
_OTHERWISE: Final = "Je vous écoute."
_LOUDNESS: Final = 3_000
_STEP: Final = 1_500
FRAME_MS: Final = 40


def spoken(sentence: int) -> bytes:
    """A frame of the caller's voice: which sentence it is of can be heard by its loudness."""
    level = _LOUDNESS + _STEP * sentence
    pair = level.to_bytes(2, "little", signed=True) + (-level).to_bytes(2, "little", signed=True)
    return pair * (FRAME_MS * 4)


class LoudnessHearing(Hearing):
    """It knows a sentence by how loud it is said."""

    def recognise(self, l16: bytes) -> Recognised:
        levels = [audioop.rms(l16[at : at + 320], 2) for at in range(0, len(l16), 320)]
        loud = [level for level in levels if level > _LOUDNESS / 2]
        if not loud:
            return Recognised("", 0.0)
        sentence = round((loud[len(loud) // 2] - _LOUDNESS) / _STEP)
        return Recognised(SENTENCES[max(0, min(sentence, len(SENTENCES) - 1))], 1.0)


class OrderModel:
    """It answers what it has not answered yet, with the tool it takes, and says each once."""

    def respond(self, turn: Turn) -> Answer:
        said = [n for n, item in enumerate(turn.items) if _is_whole_speech(item)]
        return Answer([self._next(turn.items[said[-1] + 1 :] if said else turn.items)])

    def _next(self, fresh: Any) -> Output:
        names = {i.data["call_id"]: i.data["name"] for i in fresh if i.kind == "function_call"}
        results = [i for i in fresh if i.kind == "function_call_output"]
        told = [i.text for i in fresh if i.role == "system"]
        for tool, answer in zip(TOOLS, ANSWERS, strict=False):
            if results and names.get(results[-1].data["call_id"]) == tool:
                return Say(answer if '"error"' not in results[-1].text else AGAIN)
            if any(f"Résultat de {tool}" in text for text in told):
                return Say(answer)
        heard = [i.text for i in fresh if i.role == "user"]
        for words in reversed(heard):
            if words in SENTENCES:
                return self._answer(SENTENCES.index(words))
        lost = heard or any("problème technique" in text for text in told)
        return Say(AGAIN if lost else _OTHERWISE)

    def _answer(self, sentence: int) -> Output:
        match sentence:
            case 0:
                return Call.of("add_item", dish="Margherita", options=["fine"])
            case 1 | 2:
                return Call.of(TOOLS[sentence])
            case _:
                return Say(ANSWERS[sentence])


def _is_whole_speech(item: Item) -> bool:
    return item.role == "assistant" and item.data.get("status") == "completed"


class _End:
    """The connection is over."""


class Pipe:
    """One connection: the worker's end and the server's."""

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[str | _End] = asyncio.Queue()
        self.to_client: asyncio.Queue[str | _End] = asyncio.Queue()
        self.sent: list[str] = []
        """The types of the server's events."""
        self.received: list[str] = []
        """The client's events."""
        self.close_code: int | None = None
        self.transport = self

    # --- The worker's end ----------------------------------------------------------------------

    async def send_raw(self, text: str) -> None:
        if self.close_code is not None:
            raise self._closed()
        self.received.append(text)
        self.to_server.put_nowait(text)

    async def recv_bytes(self) -> bytes:
        event = await self.to_client.get()
        if isinstance(event, _End):
            raise self._closed()
        return event.encode()

    # --- Both ----------------------------------------------------------------------------------

    async def close(self, code: int = 1000) -> None:
        self._close(code)

    def _close(self, code: int) -> None:
        if self.close_code is None:
            self.close_code = code
            self.to_server.put_nowait(_End())
            self.to_client.put_nowait(_End())

    def _closed(self) -> ConnectionClosed:
        code = self.close_code or 1006
        kind = ConnectionClosedOK if code in {1000, 1001} else ConnectionClosedError
        return kind(Close(code, ""), None)

    # --- The server's end ----------------------------------------------------------------------

    def abort(self) -> None:
        """Drop the connection."""
        self._close(1006)

    async def send(self, text: str) -> None:
        if self.close_code is not None:
            raise self._closed()
        self.sent.append(json.loads(text)["type"])
        self.to_client.put_nowait(text)

    async def __aiter__(self) -> AsyncIterator[str]:
        while not isinstance(event := await self.to_server.get(), _End):
            yield event


class VirtualRealtime:
    """It stands for the SDK's client as well as for the service."""

    def __init__(
        self,
        *faults: Fault,
        brain: Callable[[], Brain] = OrderModel,
        settings: SimulatorSettings | None = None,
    ) -> None:
        self.faults, self._brain = faults, brain
        self.links: list[Link] = []
        self.pipes: list[Pipe] = []
        self.realtime = self
        self._settings = settings or SimulatorSettings()
        self._serving: list[asyncio.Task[None]] = []

    @property
    def client(self) -> AsyncOpenAI:
        return cast("AsyncOpenAI", self)

    def connect(self, **_: Any) -> "VirtualRealtime":
        return self

    async def enter(self) -> Pipe:
        number = len(self.pipes) + 1
        faults = ConnectionFaults.of(self.faults, number)
        pipe = Pipe()
        self.pipes.append(pipe)
        if faults.active(FaultKind.HANG_ON_CONNECT):
            await asyncio.get_running_loop().create_future()
        link = Link(cast("ServerConnection", pipe), Journal(), faults, self._settings)
        self.links.append(link)
        session = RealtimeSession(
            link, model="gpt-realtime", brain=self._brain(), hearing=LoudnessHearing()
        )
        serving = session.run(cast("ServerConnection", pipe))
        self._serving.append(asyncio.create_task(serving))
        return pipe

    async def stop(self) -> None:
        for pipe in self.pipes:
            await pipe.close()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def told(self, text: str) -> int:
        """How many of the worker's events, to all sessions, have this in them."""
        events = [json.loads(event) for pipe in self.pipes for event in pipe.received]
        return sum(text in json.dumps(event, ensure_ascii=False) for event in events)

    def lost_audio_ms(self) -> int:
        """At most this much of one item's voice was lost: one piece for each that is dropped."""
        dropped = (
            fault.kind is FaultKind.DROP and fault.on == "response.output_audio.delta"
            for fault in self.faults
        )
        return sum(dropped) * self._settings.delta_ms

    def item(self, item_id: str) -> Item | None:
        """The item of that name, of whichever session."""
        found = (link.conversation.find(item_id) for link in self.links)
        return next((item for item in found if item is not None), None)
