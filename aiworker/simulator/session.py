"""One Realtime session: reads client events in order and answers each as the service does."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from aiworker.simulator import client_events
from aiworker.simulator.audio_format import AudioFormat
from aiworker.simulator.brain import Brain, Output, Turn
from aiworker.simulator.caller_audio import CallerAudio
from aiworker.simulator.conversation import Item
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.faults import FaultKind
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.journal import (
    ClientEvent,
    ItemDeleted,
    ScriptLost,
    Truncated,
)
from aiworker.simulator.link import Link, new_id
from aiworker.simulator.mishaps import Mishaps
from aiworker.simulator.response import ResponseRun
from aiworker.simulator.session_config import (
    SessionConfig,
    check_modalities,
    check_output_tokens,
    check_tools,
)
from aiworker.simulator.usage import Share, context

log = structlog.get_logger(__name__)


class RealtimeSession:
    """The state machine behind one connection. `run` returns when the client is gone."""

    def __init__(self, link: Link, *, model: str, brain: Brain, hearing: Hearing) -> None:
        self._link = link
        self._brain = brain
        self._config = SessionConfig(
            session_id=link.session_id, model=model, max_s=link.settings.session_max_s
        )
        self._caller = CallerAudio(
            link,
            self._config,
            hearing,
            turn_began=self._turn_began,
            turn_ended=self._turn_ended,
        )
        self._mishaps = Mishaps(link, self._caller)
        self._active: ResponseRun | None = None
        self._responses = 0
        self._cached: Sequence[Share] = ()
        self._idle: asyncio.Task[None] | None = None
        self._handlers: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "session.update": self._session_update,
            "input_audio_buffer.append": self._caller.append,
            "input_audio_buffer.clear": self._caller.clear,
            "input_audio_buffer.commit": self._caller.commit,
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
        try:
            if not self._link.faults.use(FaultKind.NO_SESSION_CREATED):
                await self._link.send("session.created", session=self._config.data)
            self._mishaps.begin()
            async for message in socket:
                await self._take(message)
        except ConnectionClosed:
            pass  # the server's handler notes the close code
        finally:
            await self._link.stop()

    async def _take(self, message: str | bytes) -> None:
        try:
            event = client_events.parse(message)
            self._note(event)
            fault = self._link.met_by(event["type"])
            if fault is not None and fault.kind is FaultKind.DROP:
                return
            try:
                if fault is not None and fault.kind is FaultKind.REJECT:
                    raise InvalidRequest(fault.error_code, "A simulated refusal.")
                await self._handlers[event["type"]](event)
            except InvalidRequest as refusal:
                refusal.event_id = event.get("event_id")
                raise
            self._link.trigger(event["type"])
        except InvalidRequest as refusal:
            await self._link.refuse(refusal)

    def _note(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        audio_ms = 0.0
        if kind == "input_audio_buffer.append":
            audio_ms = len(event["audio"]) * 3 / 4 / self._config.input_format.bytes_per_ms
        shown = None if audio_ms else event
        self._link.note(
            ClientEvent(session_id=self._link.session_id, type=kind, event=shown, audio_ms=audio_ms)
        )

    # -- session ---------------------------------------------------------------------------

    async def _session_update(self, event: dict[str, Any]) -> None:
        self._config.update(event["session"])
        self._caller.configure()
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

    async def _output_clear(self, event: dict[str, Any]) -> None:
        raise InvalidRequest(
            "invalid_event",
            "output_audio_buffer.clear is only for WebRTC and SIP connections.",
            param="type",
        )

    # -- the caller's turn -----------------------------------------------------------------

    def _turn_began(self) -> None:
        self._cancel_idle()
        turn = self._config.turn_detection or {}
        if turn.get("interrupt_response") and self._active:
            self._active.cancel("turn_detected")

    async def _turn_ended(self) -> None:
        turn = self._config.turn_detection or {}
        if turn.get("create_response"):
            await self._create({})

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
            tools={} if choice == "none" else {t["name"]: t for t in tools if "name" in t},
            items=items,
            number=self._responses,
        )
        if not out_of_band:
            self._active = run
            self._responses += 1
            self._cached = shares
        self._link.spawn(self._respond(run, turn))

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
            item.transcript = await self._caller.words_of(item.id)
        answer = self._brain.respond(turn)
        if answer.lost:
            log.warning("script_lost", session_id=self._link.session_id)
            self._link.note(
                ScriptLost(session_id=self._link.session_id, response_id=run.id, reason=answer.lost)
            )
        self._mishaps.begin_answer(answer.faults)
        return answer.outputs

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
        if timeout_ms and not self._caller.speaking and self._active is None:
            self._cancel_idle()
            seconds = (timeout_ms + audio_ms) / 1_000 / self._link.settings.idle_speed
            self._idle = self._link.spawn(self._idle_out(seconds))

    def _cancel_idle(self) -> None:
        if self._idle and self._idle is not asyncio.current_task():
            self._idle.cancel()
        self._idle = None

    async def _idle_out(self, seconds: float) -> None:
        start_ms = self._caller.appended_ms
        await asyncio.sleep(seconds)
        item_id = new_id("item")
        await self._link.send(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=start_ms,
            audio_end_ms=self._caller.appended_ms,
            item_id=item_id,
        )
        await self._caller.committed(item_id, b"")
        await self._create({})
