"""The stand-in for OpenAI Realtime: a real WebSocket server at /v1/realtime.

In process: `async with RealtimeSimulator(...) as server`, then connect to `server.url`.
As a process: `python -m aiworker.simulator`. What goes wrong is told at its start or, while it
runs, over a WebSocket at /faults (`aiworker/simulator/fault_control.py`).
"""

import asyncio
import contextlib
import http
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from aiworker.simulator.brain import Brain
from aiworker.simulator.fault_control import FAULTS_PATH, take_orders
from aiworker.simulator.faults import ConnectionFaults, Fault, FaultKind
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.journal import Journal, SessionClosed, SessionOpened
from aiworker.simulator.link import Link, SimulatorSettings
from aiworker.simulator.script import SCRIPTS, Scripts
from aiworker.simulator.scripted_brain import ScriptedBrain
from aiworker.simulator.session import RealtimeSession

PATH: Final = "/v1/realtime"
MAX_EVENT_BYTES: Final = 21 * 1024 * 1024
"""15 MiB of audio in base64, and the event around it."""
HANG_S: Final = 120.0
"""How long a handshake that is never answered is held: longer than any client waits."""
_CLOSE_S: Final = 1.0
"""How long a client gets to answer a close frame."""

log = structlog.get_logger(__name__)

BrainFactory = Callable[[], Brain]


def scripted(scripts: Scripts) -> BrainFactory:
    """Return what makes each session's brain follow these scripts."""
    return lambda: ScriptedBrain(scripts)


class RealtimeSimulator:
    """The server. `journal` tells what it saw and did; `faults` may be changed between calls."""

    def __init__(
        self,
        *,
        brain: BrainFactory | None = None,
        hearing: Hearing | None = None,
        settings: SimulatorSettings | None = None,
        faults: Sequence[Fault] = (),
        journal_file: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.faults = tuple(faults)
        self.journal = Journal(journal_file)
        self.connections = 0
        self._closing = asyncio.Event()
        self._brain = brain or scripted(Scripts.from_folder(SCRIPTS))
        self._hearing = hearing or Hearing()
        self._settings = settings or SimulatorSettings()
        self._host = host
        self._port = port
        self._server: Server | None = None
        self._faults_of: dict[ServerConnection, tuple[int, ConnectionFaults]] = {}
        self.open: dict[int, Link] = {}
        """The sessions that are open, by the number of their connection."""

    @property
    def url(self) -> str:
        """What a client takes as `websocket_base_url`."""
        return f"ws://{self._host}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve,
            self._host,
            self._port,
            process_request=self._handshake,
            compression=None,
            max_size=MAX_EVENT_BYTES,
            close_timeout=_CLOSE_S,
            open_timeout=HANG_S + 1,
        )
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        if self._server:
            self._server.close()
            await self._server.wait_closed()
        self.journal.close()

    async def _handshake(self, socket: ServerConnection, request: Request) -> Response | None:
        target = urlsplit(request.path)
        if target.path == FAULTS_PATH:
            return None
        self.connections += 1
        faults = ConnectionFaults.of(self.faults, self.connections)
        refused = faults.active(FaultKind.REFUSE)
        if refused:
            return _refusal(socket, refused.status, _CODES.get(refused.status, "server_error"))
        if faults.active(FaultKind.HANG_ON_CONNECT):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), HANG_S)
            return _refusal(socket, 504, "timeout")
        if target.path != PATH:
            return _refusal(socket, 404, "not_found")
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not key or key != (self._settings.api_key or key):
            return _refusal(socket, 401, "invalid_api_key")
        if not parse_qs(target.query).get("model"):
            return _refusal(socket, 400, "missing_model")
        self._faults_of[socket] = (self.connections, faults)
        return None

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        if socket not in self._faults_of:
            await take_orders(socket, self)
            return
        connection, faults = self._faults_of.pop(socket)
        model = parse_qs(urlsplit(socket.request.path).query)["model"][0]
        link = Link(socket, self.journal, faults, self._settings)
        link.next_frame = connection * self._settings.frame_stride
        self.journal.add(
            SessionOpened(
                session_id=link.session_id,
                connection=connection,
                model=model,
                user_agent=socket.request.headers.get("User-Agent", ""),
            )
        )
        session = RealtimeSession(link, model=model, brain=self._brain(), hearing=self._hearing)
        self.open[connection] = link
        try:
            await session.run(socket)
        except Exception:  # the edge of one session
            log.exception("simulator_session_failed", session_id=link.session_id)
            await socket.close(1011)
        finally:
            del self.open[connection]
            self.journal.add(SessionClosed(session_id=link.session_id, code=socket.close_code))


def _refusal(socket: ServerConnection, status: int, code: str) -> Response:
    body: dict[str, Any] = {
        "error": {"type": "invalid_request_error", "code": code, "message": f"Refused: {code}."}
    }
    response = socket.respond(http.HTTPStatus(status), json.dumps(body))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


_CODES: Final = {
    401: "invalid_api_key",
    403: "unsupported_country_region_territory",
    429: "rate_limit_exceeded",
}
