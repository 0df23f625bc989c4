"""One Realtime session: reads client events in order and answers each as the service does."""

import asyncio
import base64
import contextlib
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from aiworker.simulator import client_events
from aiworker.simulator.audio_format import L16_BYTES_PER_MS, AudioFormat
from aiworker.simulator.brain import Brain, Output, Turn
from aiworker.simulator.conversation import Item
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.faults import Fault, FaultKind
from aiworker.simulator.hearing import Hearing, Recognised
from aiworker.simulator.input_audio import InputAudio
from aiworker.simulator.journal import (
    ClientEvent,
    ErrorSent,
    FaultDone,
    Heard,
    ItemDeleted,
    SpeechStarted,
    SpeechStopped,
    Truncated,
)
from aiworker.simulator.link import Link, new_id
from aiworker.simulator.response import ResponseRun
from aiworker.simulator.session_config import (
    SessionConfig,
    check_modalities,
    check_output_tokens,
    check_tools,
)
from aiworker.simulator.usage import Share, context
from aiworker.simulator.vad import SpeechBegan, SpeechEnded

MAX_APPEND_BYTES: Final = 15 * 1024 * 1024
HEARING_DEADLINE_S: Final = 5.0
"""A caller's turn is recognised in well under a second; later it counts as unintelligible."""

log = structlog.get_logger(__name__)


class RealtimeSession:
    """The state machine behind one connection. `run` returns when the client is gone."""

    def __init__(self, link: Link, *, model: str, brain: Brain, hearing: Hearing) -> None:
        self._link = link
        self._brain = brain
        self._hearing = hearing
        self._config = SessionConfig(
            session_id=link.session_id, model=model, max_s=link.settings.session_max_s
        )
        self._input = InputAudio(self._config.input_format, self._config.vad)
        self._turn_item_id = ""
        self._active: ResponseRun | None = None
        self._responses = 0
        self._cached: Sequence[Share] = ()
        self._recognising: dict[str, asyncio.Task[Recognised]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle: asyncio.Task[None] | None = None
        self._handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.update": self._session_update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.clear": self._clear,
            "input_audio_buffer.commit": self._commit,
            "output_audio_buffer.clear": self._output_clear,
            "conversation.item.create": self._item_create,
            "conversation.item.delete": self._item_delete,
            "conversation.item.retrieve": self._item_retrieve,
            "conversation.item.truncate": self._item_truncate,
            "response.create": self._response_create,
            "response.cancel": self._response_cancel,
        }

    async def run(self, socket: ServerConnection) -> None:
        """Serve the session until the connection ends."""
        self._spawn(self._expire())
        self._spawn(self._carry_out_faults())
        for fault in self._link.faults.timed:
            self._spawn(self._later(fault))
        try:
            if not self._link.faults.use(FaultKind.NO_SESSION_CREATED):
                await self._link.send("session.created", session=self._config.data)
            for fault in self._link.faults.happening:
                self._link.due.put_nowait(fault)
            async for message in socket:
                await self._take(message)
        except ConnectionClosed:
            pass  # the server's handler notes the close code
        finally:
            await self._stop_tasks()

    async def _take(self, message: str | bytes) -> None:
        try:
            event = client_events.parse(message)
            self._note(event)
            try:
                await self._handlers[event["type"]](event)
            except InvalidRequest as refusal:
                refusal.event_id = event.get("event_id")
                raise
            self._link.trigger(event["type"])
        except InvalidRequest as refusal:
            await self._refuse(refusal)

    def _note(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        audio_ms = 0.0
        if kind == "input_audio_buffer.append":
            audio_ms = len(event["audio"]) * 3 / 4 / self._config.input_format.bytes_per_ms
        shown = None if audio_ms else event
        self._link.note(
            ClientEvent(session_id=self._link.session_id, type=kind, event=shown, audio_ms=audio_ms)
        )

    async def _refuse(self, refusal: InvalidRequest) -> None:
        self._link.note(
            ErrorSent(
                session_id=self._link.session_id,
                code=refusal.code,
                param=refusal.param,
                message=refusal.message,
            )
        )
        await self._link.send("error", error=refusal.as_error())

    # -- session ---------------------------------------------------------------------------

    async def _session_update(self, event: dict[str, Any]) -> None:
        self._config.update(event["session"])
        self._input.configure(self._config.input_format, self._config.vad)
        faults = self._link.faults
        if faults.use(FaultKind.NO_SESSION_UPDATED):
            return
        shown = self._config.data
        wrong = faults.use(FaultKind.AUDIO_FORMAT)
        if wrong:
            self._link.wrong_output_format = AudioFormat(wrong.format)
            other = self._link.wrong_output_format.describe()
            audio = {side: shown["audio"][side] | {"format": other} for side in shown["audio"]}
            shown = shown | {"audio": audio}
        await self._link.send("session.updated", session=shown)

    # -- the caller's audio ----------------------------------------------------------------

    async def _append(self, event: dict[str, Any]) -> None:
        try:
            audio = base64.b64decode(event["audio"], validate=True)
        except ValueError as error:
            raise InvalidRequest(
                "invalid_value",
                "Invalid 'audio'. Expected base64-encoded audio bytes.",
                param="audio",
            ) from error
        if len(audio) > MAX_APPEND_BYTES:
            raise InvalidRequest(
                "string_above_max_length", "Invalid 'audio': too long.", param="audio"
            )
        for noticed in self._input.append(audio):
            if isinstance(noticed, SpeechBegan):
                await self._speech_began(noticed)
            else:
                await self._speech_ended(noticed)

    async def _speech_began(self, began: SpeechBegan) -> None:
        self._cancel_idle()
        self._turn_item_id = new_id("item")
        await self._speech_started(began.audio_start_ms, self._turn_item_id, real=True)
        turn = self._config.turn_detection or {}
        if turn.get("interrupt_response") and self._active:
            self._active.cancel("turn_detected")

    async def _speech_started(self, start_ms: int, item_id: str, *, real: bool) -> None:
        await self._link.send(
            "input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=item_id
        )
        self._link.note(
            SpeechStarted(
                session_id=self._link.session_id,
                item_id=item_id,
                audio_start_ms=start_ms,
                appended_ms=self._input.appended_ms,
                real=real,
            )
        )

    async def _speech_ended(self, ended: SpeechEnded) -> None:
        audio = self._input.take_turn(ended.audio_end_ms)
        await self._speech_stopped(ended.audio_end_ms, self._turn_item_id)
        await self._committed(self._turn_item_id, audio)
        turn = self._config.turn_detection or {}
        if turn.get("create_response"):
            await self._create({})

    async def _speech_stopped(self, end_ms: int, item_id: str) -> None:
        await self._link.send(
            "input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id
        )
        self._link.note(
            SpeechStopped(
                session_id=self._link.session_id,
                item_id=item_id,
                audio_end_ms=end_ms,
                appended_ms=self._input.appended_ms,
            )
        )

    async def _commit(self, event: dict[str, Any]) -> None:
        speaking = self._input.speaking
        audio = self._input.commit()
        await self._committed(self._turn_item_id if speaking else new_id("item"), audio)

    async def _clear(self, event: dict[str, Any]) -> None:
        self._input.clear()
        await self._link.send("input_audio_buffer.cleared")

    async def _output_clear(self, event: dict[str, Any]) -> None:
        raise InvalidRequest(
            "invalid_event",
            "output_audio_buffer.clear is only for WebRTC and SIP connections.",
            param="type",
        )

    async def _committed(self, item_id: str, audio: bytes) -> None:
        """Make the turn an item, and have it recognised."""
        data = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        item = Item(data, audio_ms=len(audio) // L16_BYTES_PER_MS)
        before = self._link.conversation.add(item)
        await self._link.send(
            "input_audio_buffer.committed", item_id=item_id, previous_item_id=before
        )
        await self._link.send("conversation.item.added", previous_item_id=before, item=data)
        await self._link.send("conversation.item.done", previous_item_id=before, item=data)
        self._recognising[item_id] = asyncio.create_task(self._recognise(item, audio))
        if self._config.data["audio"]["input"]["transcription"] is not None:
            self._spawn(self._transcribe(item))

    async def _recognise(self, item: Item, audio: bytes) -> Recognised:
        found = await asyncio.to_thread(self._hearing.recognise, audio)
        item.transcript = found.text
        self._link.note(
            Heard(
                session_id=self._link.session_id,
                item_id=item.id,
                transcript=found.text,
                score=found.score,
                audio_ms=item.audio_ms,
            )
        )
        return found

    async def _transcribe(self, item: Item) -> None:
        await asyncio.sleep(self._link.settings.transcription_ms / 1_000)
        found = await asyncio.shield(self._recognising[item.id])
        prefix = "conversation.item.input_audio_transcription"
        where = {"item_id": item.id, "content_index": 0}
        if self._link.faults.use(FaultKind.TRANSCRIPTION_FAILED):
            error = {"type": "server_error", "code": "audio_unintelligible", "message": "failed"}
            await self._link.send(f"{prefix}.failed", error=error, **where)
            return
        if found.text:
            await self._link.send(f"{prefix}.delta", delta=found.text, **where)
        usage = {"type": "duration", "seconds": math.ceil(item.audio_ms / 1_000)}
        await self._link.send(f"{prefix}.completed", transcript=found.text, usage=usage, **where)

    # -- items -----------------------------------------------------------------------------

    async def _item_create(self, event: dict[str, Any]) -> None:
        data = {"object": "realtime.item", "status": "completed"} | event["item"]
        data["id"] = data.get("id") or new_id("item")
        conversation = self._link.conversation
        conversation.check_new(data)
        before = conversation.add(Item(data), after=event.get("previous_item_id"))
        await self._link.send("conversation.item.added", previous_item_id=before, item=data)
        await self._link.send("conversation.item.done", previous_item_id=before, item=data)

    async def _item_delete(self, event: dict[str, Any]) -> None:
        item = self._link.conversation.delete(event["item_id"])
        self._link.note(ItemDeleted(session_id=self._link.session_id, item_id=item.id))
        await self._link.send("conversation.item.deleted", item_id=item.id)

    async def _item_retrieve(self, event: dict[str, Any]) -> None:
        item = self._link.conversation.retrieve(event["item_id"])
        await self._link.send("conversation.item.retrieved", item=item.data)

    async def _item_truncate(self, event: dict[str, Any]) -> None:
        item_id, end_ms = event["item_id"], event["audio_end_ms"]
        accepted = False
        try:
            self._link.conversation.truncate(item_id, event["content_index"], end_ms)
            accepted = True
        finally:
            self._link.note(
                Truncated(
                    session_id=self._link.session_id,
                    item_id=item_id,
                    audio_end_ms=end_ms,
                    accepted=accepted,
                )
            )
        await self._link.send(
            "conversation.item.truncated",
            item_id=item_id,
            content_index=event["content_index"],
            audio_end_ms=end_ms,
        )

    # -- responses -------------------------------------------------------------------------

    async def _response_create(self, event: dict[str, Any]) -> None:
        params = event.get("response") or {}
        check_modalities(params, "response")
        check_output_tokens(params, "response")
        check_tools(params.get("tools") or [], "response.tools")
        await self._create(params)

    async def _create(self, params: dict[str, Any]) -> None:
        out_of_band = params.get("conversation") == "none"
        if self._active and not self._active.finished and not out_of_band:
            raise InvalidRequest(
                "conversation_already_has_active_response",
                "Conversation already has an active response in progress: "
                f"{self._active.id}. "
                "Wait until the response is finished before creating a new one.",
            )
        self._cancel_idle()
        items = self._link.conversation.snapshot()
        if params.get("input") is not None:
            items = [Item({"id": new_id("item")} | data) for data in params["input"]]
        tools = params.get("tools", self._config.data["tools"]) or []
        instructions = params.get("instructions") or self._config.data["instructions"] or ""
        shares = context(instructions, tools, items)
        run = ResponseRun(
            self._link, self._config, turn_params=params, shares=shares, cached=self._cached
        )
        choice = params.get("tool_choice") or self._config.data["tool_choice"]
        turn = Turn(
            instructions=instructions,
            tools={} if choice == "none" else {t["name"]: t for t in tools if "name" in t},
            items=items,
            number=self._responses,
            metadata=params.get("metadata") or {},
        )
        if not out_of_band:
            self._active = run
            self._responses += 1
            self._cached = shares
        self._spawn(self._respond(run, turn))

    async def _respond(self, run: ResponseRun, turn: Turn) -> None:
        try:
            await run.run(lambda: self._think(run, turn))
        finally:
            if self._active is run:
                self._active = None
        self._arm_idle(run.audio_ms_sent)

    async def _think(self, run: ResponseRun, turn: Turn) -> Sequence[Output]:
        """Wait for the words of turns still being recognised, then ask the brain."""
        await run.pause(self._link.settings.think_ms / 1_000)
        for item in turn.items:
            task = self._recognising.get(item.id)
            if task and item.transcript is None:
                found = await asyncio.wait_for(asyncio.shield(task), HEARING_DEADLINE_S)
                item.transcript = found.text
        return self._brain.respond(turn)

    async def _response_cancel(self, event: dict[str, Any]) -> None:
        wanted = event.get("response_id")
        active = self._active
        if active is None or active.finished or wanted not in (None, active.id):
            raise InvalidRequest(
                "response_cancel_not_active", "Cancellation failed: no active response found"
            )
        active.cancel("client_cancelled")

    # -- clocks and faults -----------------------------------------------------------------

    def _arm_idle(self, audio_ms: int) -> None:
        turn = self._config.turn_detection or {}
        timeout_ms = turn.get("idle_timeout_ms")
        if timeout_ms and not self._input.speaking and self._active is None:
            self._cancel_idle()
            seconds = (timeout_ms + audio_ms) / 1_000 / self._link.settings.idle_speed
            self._idle = self._spawn(self._idle_out(seconds))

    def _cancel_idle(self) -> None:
        if self._idle and self._idle is not asyncio.current_task():
            self._idle.cancel()
        self._idle = None

    async def _idle_out(self, seconds: float) -> None:
        start_ms = self._input.appended_ms
        await asyncio.sleep(seconds)
        item_id = new_id("item")
        await self._link.send(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=start_ms,
            audio_end_ms=self._input.appended_ms,
            item_id=item_id,
        )
        await self._committed(item_id, b"")
        await self._create({})

    async def _expire(self) -> None:
        await asyncio.sleep(self._link.settings.session_max_s)
        await self._do(Fault(kind=FaultKind.SESSION_EXPIRED))

    async def _later(self, fault: Fault) -> None:
        await asyncio.sleep((fault.after_ms or 0) / 1_000)
        await self._do(fault)

    async def _carry_out_faults(self) -> None:
        while True:
            fault = await self._link.due.get()
            self._spawn(self._later(fault))

    async def _do(self, fault: Fault) -> None:
        """Make a fault happen now, or hold from now on."""
        link = self._link
        link.note(FaultDone(session_id=link.session_id, kind=fault.kind))
        match fault.kind:
            case FaultKind.CLOSE:
                await link.close(fault.code)
            case FaultKind.SESSION_EXPIRED:
                message = "Your session hit the maximum duration of 60 minutes."
                await self._refuse(InvalidRequest("session_expired", message))
                await link.close(1001)
            case FaultKind.ERROR:
                await self._refuse(InvalidRequest(fault.error_code, "A simulated error."))
            case FaultKind.FALSE_SPEECH_STARTED:
                item_id = new_id("item")
                await self._speech_started(self._input.appended_ms, item_id, real=False)
                await asyncio.sleep(fault.ms / 1_000)
                await self._speech_stopped(self._input.appended_ms, item_id)
            case FaultKind.UNKNOWN_EVENT:
                await link.send("session.weather_updated", forecast="rain")
            case _:
                link.faults.become(fault)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guard(self, work: Awaitable[None]) -> None:
        try:
            await work
        except ConnectionClosed:
            pass  # `run` ends by itself
        except InvalidRequest as refusal:
            await self._refuse(refusal)
        except Exception:  # the edge of one session's background work
            log.exception("simulator_task_failed", session_id=self._link.session_id)
            await self._link.close(1011)

    async def _stop_tasks(self) -> None:
        pending = [*self._tasks, *self._recognising.values()]
        for task in pending:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*pending, return_exceptions=True)
