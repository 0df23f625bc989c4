"""Stands between the worker and the Realtime simulator, and lets go wrong what a run asks for.

It is a WebSocket server that passes every event on, except those a fault meets; it keeps what the
assistant says, as it was before any fault.
"""

import asyncio
import base64
import contextlib
import http
import json
import re
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.http11 import Request, Response

from aiworker.simulator import tone_code
from controlplane.local.bench.faults_catalogue import Alone, CallFault, Mutation
from controlplane.local.bench.faults_speech import Saying
from controlplane.local.launch.ports import LOOPBACK
from freeswitch.telephone.g711 import Codec

DELAY_S: Final = 8.0
SWAP_S: Final = 1.0
"""An event that is to come after the next one comes by itself when there is no next one by then."""
UPSTREAM_S: Final = 5.0
"""The simulator answers a handshake within this, on a machine under load too."""
HANG_S: Final = 60.0
"""A handshake is never left unanswered for longer: the run is over by then."""
PCMU_FRAME_BYTES: Final = 160
_TYPE: Final = re.compile(r'"type": ?"([^"]+)"')
_TYPE_WITHIN: Final = 200

_PassedOn = ("Authorization", "User-Agent", "OpenAI-Beta")


@dataclass(frozen=True, slots=True)
class Happened:
    """A fault happened, at a monotonic second."""

    at: float
    name: str


class RealtimeFront:
    """Serves the worker at `port`. All faults of a run's Realtime server are set off here."""

    def __init__(self, *, port: int, server_url: str) -> None:
        """`server_url` is what the simulator would be asked for: `ws://…/v1`."""
        self._port, self._server_url = port, server_url.removesuffix("/v1")
        self._planned: deque[CallFault] = deque()
        self._sessions: set[_Session] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._refusing = False
        self.happened: list[Happened] = []
        self.sayings: list[Saying] = []

    @property
    def url(self) -> str:
        """Return what the worker asks instead of the simulator."""
        return f"ws://{LOOPBACK}:{self._port}/v1"

    @property
    def passes(self) -> bool:
        """Tell whether events pass: they do unless everything hangs."""
        return self._passing.is_set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["RealtimeFront"]:
        """Serve until the context ends."""
        async with serve(
            self._serve,
            LOOPBACK,
            self._port,
            process_request=self._handshake,
            compression=None,
            max_size=None,
            open_timeout=HANG_S + UPSTREAM_S,
            close_timeout=1.0,
        ):
            yield self

    # --- Faults --------------------------------------------------------------------------------

    def plan(self, fault: CallFault) -> None:
        """Let this happen in the session that is opened next."""
        self._planned.append(fault)

    def forget_plans(self) -> None:
        """Nothing that has not been opened yet goes wrong."""
        self._planned.clear()

    async def close_all(self, *, code: int | None) -> None:
        """Close every session with `code`; None cuts its connection without a word."""
        await asyncio.gather(*(session.close(code) for session in set(self._sessions)))

    async def refuse(self, seconds: float) -> None:
        """Close every session and answer new ones with 503 for so long."""
        self._refusing = True
        try:
            await self.close_all(code=1011)
            await asyncio.sleep(seconds)
        finally:
            self._refusing = False

    async def hang(self, seconds: float) -> None:
        """Pass nothing and answer no handshake for so long."""
        self._passing.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._passing.set()

    # --- Connections ---------------------------------------------------------------------------

    async def _handshake(self, socket: ServerConnection, request: Request) -> Response | None:
        await self._passing.wait()
        if self._refusing:
            return socket.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "{}")
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        headers = socket.request.headers
        passed_on = {name: headers[name] for name in _PassedOn if name in headers}
        url = self._server_url + socket.request.path
        try:
            async with asyncio.timeout(UPSTREAM_S):
                upstream = await connect(
                    url, additional_headers=passed_on, compression=None, max_size=None
                )
        except (OSError, TimeoutError, InvalidHandshake):
            await socket.close(1011)
            return
        fault = self._planned.popleft() if self._planned else None
        session = _Session(self, socket, upstream, fault)
        self._sessions.add(session)
        try:
            if not self._refusing:
                await session.run()
        finally:
            self._sessions.discard(session)

    async def passing(self) -> None:
        """Wait while everything hangs."""
        await self._passing.wait()


class _Session:
    """One connection of the worker, and the simulator's end of it."""

    def __init__(
        self,
        front: RealtimeFront,
        socket: ServerConnection,
        upstream: ClientConnection,
        fault: CallFault | None,
    ) -> None:
        self._front, self._socket, self._upstream = front, socket, upstream
        self._fault = fault
        self._seen: Counter[str] = Counter()
        self._held: str | None = None
        self._stopped: str | None = None
        """The response of which nothing passes any more."""
        self._later: set[asyncio.Task[None]] = set()
        self._sayings: dict[str, Saying] = {}

    async def run(self) -> None:
        ways = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*ways, *self._later):
                task.cancel()
            await asyncio.gather(*ways, *self._later, return_exceptions=True)
            await self._upstream.close()
            await self._socket.close(self._upstream.close_code or 1011)

    async def close(self, code: int | None) -> None:
        if code is None:
            self._socket.transport.abort()
        else:
            await self._socket.close(code)

    # --- From the worker -----------------------------------------------------------------------

    async def _up(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                await self._front.passing()
                if isinstance(message, str) and "response.create" in message[:_TYPE_WITHIN]:
                    if await self._swallowed(message):
                        continue
                await self._upstream.send(message)

    async def _swallowed(self, message: str) -> bool:
        if _type_of(message) != "response.create" or not self._is_met(
            "response.create", Alone.CREATE_IGNORED, Alone.CREATE_REFUSED
        ):
            return False
        assert self._fault is not None
        if self._fault.name == Alone.CREATE_REFUSED:
            error = {"type": "server_error", "code": "server_error", "message": "A fault."}
            refusal = {"type": "error", "event_id": "event_fault", "error": error}
            await self._socket.send(json.dumps(refusal))
        return True

    # --- From the simulator --------------------------------------------------------------------

    async def _down(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._upstream:
                assert isinstance(message, str)
                await self._front.passing()
                kind = _type_of(message)
                self._note(kind, message)
                await self._pass_on(kind, message)

    async def _pass_on(self, kind: str, message: str) -> None:
        if self._stops(kind, message):
            return
        mutation = self._fault.mutation if self._fault and self._fault.event == kind else None
        if mutation is None or not self._is_met(kind, self._fault.name if self._fault else ""):
            await self._send(message)
        elif mutation is Mutation.DOUBLE:
            await self._send(message)
            await self._send(message)
        elif mutation is Mutation.DELAY:
            self._spawn(self._send_after(DELAY_S, message))
        elif mutation is Mutation.SWAP:
            self._held = message
            self._spawn(self._release_after(SWAP_S))

    def _stops(self, kind: str, message: str) -> bool:
        if self._fault is None or self._fault.name != Alone.DELTAS_STOP:
            return False
        if kind == "response.output_audio.delta" and self._stopped is None:
            if self._is_met(kind, Alone.DELTAS_STOP):
                self._stopped = json.loads(message)["response_id"]
        return self._stopped is not None and self._stopped in message

    async def _send(self, message: str) -> None:
        held, self._held = self._held, None
        await self._socket.send(message)
        if held is not None:
            await self._socket.send(held)

    async def _send_after(self, seconds: float, message: str) -> None:
        await asyncio.sleep(seconds)
        await self._socket.send(message)

    async def _release_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        held, self._held = self._held, None
        if held is not None:
            await self._socket.send(held)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(_quietly(work))
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    # --- What happened -------------------------------------------------------------------------

    def _is_met(self, kind: str, *names: str) -> bool:
        """Count an event, and tell whether it is the one that this session's fault meets."""
        if self._fault is None or self._fault.name not in names:
            return False
        self._seen[kind] += 1
        if self._seen[kind] != self._fault.nth:
            return False
        self._front.happened.append(Happened(time.monotonic(), self._fault.name))
        return True

    def _note(self, kind: str, message: str) -> None:
        """Keep what the assistant says, and in which frames."""
        if kind == "response.output_audio_transcript.delta":
            event = json.loads(message)
            self._saying(event["item_id"]).text += event["delta"]
        elif kind == "response.output_audio.delta":
            event = json.loads(message)
            self._note_audio(event["item_id"], base64.b64decode(event["delta"]))
        elif kind == "response.output_item.done":
            item = json.loads(message)["item"]
            if item["id"] in self._sayings:
                self._sayings[item["id"]].whole = True

    def _note_audio(self, item_id: str, pcmu: bytes) -> None:
        saying = self._saying(item_id)
        if not saying.frames:
            code = tone_code.decode(Codec.PCMU.decode(pcmu[:PCMU_FRAME_BYTES]))
            if code is None:
                return
            saying.first_code, saying.began_at = code, time.monotonic()
            self._front.sayings.append(saying)
        saying.grow(len(pcmu) // PCMU_FRAME_BYTES)

    def _saying(self, item_id: str) -> Saying:
        if item_id not in self._sayings:
            self._sayings[item_id] = Saying(item_id, first_code=0, began_at=time.monotonic())
        return self._sayings[item_id]


def _type_of(message: str) -> str:
    """Return an event's type, "" when it has none where it is written first."""
    found = _TYPE.search(message, 0, _TYPE_WITHIN)
    return found[1] if found else ""


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(ConnectionClosed):
        await work
