"""What the parts of one simulated session share: the socket, the journal, the faults, the items."""

import asyncio
import json
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from aiworker.simulator.audio_format import AudioFormat
from aiworker.simulator.conversation import Conversation
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.faults import ConnectionFaults, Fault, FaultKind
from aiworker.simulator.journal import Entry, ErrorSent, FaultDone, Journal
from aiworker.simulator.session_config import SESSION_MAX_S
from aiworker.simulator.voice import EspeakVoice

_QUEUED_FAULTS: Final = 32

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class SimulatorSettings:
    """How the simulated service behaves when nothing is wrong."""

    speed: float = 8.0
    """Audio seconds sent a second, 1 to 20."""
    delta_ms: int = 160
    """Audio in one delta, a multiple of 20."""
    think_ms: int = 120
    """From response.created to the first output."""
    transcription_ms: int = 150
    """From the commit to the caller's transcript, at least; more = after the response."""
    session_max_s: float = SESSION_MAX_S
    voice: EspeakVoice | None = None
    """None = tones that tell which 20 ms frame is heard, for measuring."""
    idle_speed: float = 1.0
    """How much faster than asked `idle_timeout_ms` (5 s at least) runs, for tests."""
    frame_stride: int = 0
    """Each connection's first tone-coded frame has a number higher by this than the one's before:
    a telephone tells sessions apart that speak at the same time."""
    api_key: str | None = None
    """The only key taken; None = any."""


def new_id(prefix: str) -> str:
    """Return an id as the service makes them."""
    return f"{prefix}_{secrets.token_urlsafe(15)}"


class Link:
    """One session's way out, and what its parts hold in common."""

    def __init__(
        self,
        socket: ServerConnection,
        journal: Journal,
        faults: ConnectionFaults,
        settings: SimulatorSettings,
    ) -> None:
        self.session_id = new_id("sess")
        self.conversation_id = new_id("conv")
        self.conversation = Conversation()
        self.faults = faults
        self.settings = settings
        self.next_frame = 0
        """Number of the session's next tone-coded frame."""
        self.wrong_output_format: AudioFormat | None = None
        self.due: asyncio.Queue[Fault] = asyncio.Queue(_QUEUED_FAULTS)
        """Faults an event set off, for the session to carry out."""
        self._held: list[str] = []
        """These events are swapped with the next."""
        self._socket = socket
        self._journal = journal
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, event_type: str, /, **fields: Any) -> None:
        """Send one server event. Raise websockets' ConnectionClosed when the client is gone."""
        event = {"type": event_type, "event_id": new_id("event"), **fields}
        text = json.dumps(event, ensure_ascii=False)
        fault = self.met_by(event_type)
        held, self._held = self._held, []
        if fault is None:
            await self._socket.send(text)
        else:
            await self._meet(fault, text)
        for earlier in held:
            await self._socket.send(earlier)
        self.trigger(event_type)

    async def _meet(self, fault: Fault, text: str) -> None:
        """Send an event as the fault has it sent."""
        match fault.kind:
            case FaultKind.DELAY:
                self.spawn(self._send_late(text, fault.ms / 1_000))
            case FaultKind.DOUBLE:
                await self._socket.send(text)
                await self._socket.send(text)
            case FaultKind.SWAP:
                self._held.append(text)

    async def _send_late(self, text: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._socket.send(text)

    def trigger(self, event_type: str) -> None:
        """Queue the faults that an event, sent or received, sets off."""
        for fault in self.faults.triggered_by(event_type):
            self.due.put_nowait(fault)

    def met_by(self, event_type: str) -> Fault | None:
        """Count an event, sent or received; return the fault on the wire that meets it."""
        fault = self.faults.met_by(event_type)
        if fault is not None:
            self.note(FaultDone(session_id=self.session_id, kind=fault.kind))
        return fault

    def befall(self, fault: Fault) -> None:
        """Let a fault meet the session from now on: at its event, or as soon as it is due."""
        if not self.faults.await_event(fault):
            self.due.put_nowait(fault)

    def note(self, entry: Entry) -> None:
        """Write in the journal."""
        self._journal.add(entry)

    async def close(self, code: int) -> None:
        """Close with `code`; 1006 cannot be sent, so the connection is dropped."""
        if code == 1006:
            self._socket.transport.abort()
        else:
            await self._socket.close(code)

    async def refuse(self, refusal: InvalidRequest) -> None:
        """Send an `error` event; the session stays open."""
        self.note(
            ErrorSent(
                session_id=self.session_id,
                code=refusal.code,
                param=refusal.param,
                message=refusal.message,
            )
        )
        await self.send("error", error=refusal.as_error())

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside the session, until the session ends."""
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except ConnectionClosed:
            pass  # the session ends by itself
        except InvalidRequest as refusal:
            await self.refuse(refusal)
        except Exception:  # the edge of one session's work beside its reading
            log.exception("simulator_task_failed", session_id=self.session_id)
            await self.close(1011)

    async def stop(self) -> None:
        """End all that runs beside the session."""
        pending = list(self._tasks)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
