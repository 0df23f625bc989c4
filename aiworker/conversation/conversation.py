"""The assistant's side of the talk: Realtime events in, speech, tool calls and turns out.

One object a call; `attach` gives it a Realtime session, and another one when the first is lost. An
event that cannot be read is logged and skipped: one error must never make the assistant mute.
"""

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from aiworker.call_record import CallRecord
from aiworker.conversation.read_back_heard import ReadBackHeard
from aiworker.conversation.transcript import heard_text
from aiworker.conversation.turn_taking import TurnTaking
from aiworker.media.playout import Speech
from aiworker.media.speech_output import SpeechOutput
from aiworker.media.voice_activity import VoiceActivity
from aiworker.metrics import ERRORS, FIRST_AUDIO
from aiworker.realtime.connection import (
    BENIGN_ERRORS,
    FATAL_ERRORS,
    Event,
    RealtimeLink,
    RealtimeUnavailable,
    check_formats,
    error_code,
)
from aiworker.tools.tool import Result

log = structlog.get_logger()

_TOOL_CALLS_WAITING: Final = 16
"""A response with more function calls than this is not taking an order."""
_LONGEST_SPEECH_BYTES: Final = 120 * 8_000
"""Two minutes of PCMU in one item: no answer on the telephone is that long."""
_FAILURES_IN_A_ROW: Final = 2


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model called."""

    call_id: str
    name: str
    arguments: str
    session: int
    """Which Realtime session asked: only that one knows the call id."""


class Conversation:
    """One call's talk. Handlers return at once; what takes time is in `tool_calls`."""

    def __init__(
        self,
        output: SpeechOutput,
        voice: VoiceActivity,
        record: CallRecord,
        *,
        changed: Callable[[], None],
        caller_spoke: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.read_back = ReadBackHeard(output.heard_of)
        self.tool_calls: asyncio.Queue[ToolCall] = asyncio.Queue(_TOOL_CALLS_WAITING)
        self.tools_running = 0
        self.spoke_in_response = False
        """The response in flight, or the last one, said something."""
        self.last_words = ""
        """Of the assistant, heard or not."""
        self._output, self._voice, self._record = output, voice, record
        self._changed, self._caller_spoke, self._clock = changed, caller_spoke, clock
        self._link: RealtimeLink | None = None
        self._session = 0
        self._items: set[str] = set()
        """Speech of the present session."""
        self._positions: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._calls_seen: set[str] = set()
        self._failures = 0
        self._asked_again = False
        self.turns = self._new_turns()
        self._handlers: dict[str, Callable[[Event], None]] = {
            "input_audio_buffer.speech_started": lambda event: self.turns.speech_started(),
            "input_audio_buffer.speech_stopped": lambda event: self.turns.speech_stopped(),
            "input_audio_buffer.committed": self._on_committed,
            "conversation.item.input_audio_transcription.completed": self._on_transcript,
            "conversation.item.input_audio_transcription.failed": self._on_transcript,
            "response.created": self._on_response_created,
            "response.output_audio.delta": self._on_audio,
            "response.output_audio.done": self._on_audio_done,
            "response.output_audio_transcript.delta": self._on_words,
            "response.output_audio_transcript.done": self._on_all_words,
            "response.output_item.done": self._on_item_done,
            "response.done": self._on_response_done,
            "session.updated": check_formats,
            "error": self._on_error,
        }

    # --- The session ---------------------------------------------------------------------------

    def attach(self, link: RealtimeLink, *, context: list[str], respond: bool) -> None:
        """Talk over this session from now on, told what went before."""
        self._link = link
        self._session += 1
        self._items.clear()
        for turn in self._record.transcript.tail() if context else ():
            kind = "input_text" if turn.role == "caller" else "output_text"
            role = "user" if turn.role == "caller" else "assistant"
            self._create_item(role, kind, turn.text)
        for text in context:
            self._create_item("system", "input_text", text)
        if respond:
            self.turns.want_response()

    def detach(self) -> bool:
        """The session is lost. Returns whether the assistant owes the caller an answer."""
        owed = self.turns.gate.alive or self.turns.gate.wanted or self.turns.caller_speaking
        self._link = None
        if self.turns.undecided:
            self._output.resume()
        for item in self._items:
            self._output.end_item(item)
        self.turns = self._new_turns()
        return owed

    def close(self) -> None:
        """The call is over: record what the caller was hearing."""
        for speech in self._output.close():
            self._end_assistant_turn(speech)
        for item, position in list(self._positions.items()):
            if item not in self._items:
                self._record.spoke("caller", position, "")

    def instruct(self, text: str, *, respond: bool = True) -> None:
        """Tell the model something the caller does not hear."""
        self._create_item("system", "input_text", text)
        if respond:
            self.turns.want_response()

    def on_event(self, event: Event) -> None:
        """Deal with one server event. Raises `RealtimeUnavailable` when the session is over."""
        handler = self._handlers.get(str(event.get("type")))
        if handler is None:
            return
        try:
            handler(event)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            ERRORS.labels(kind="realtime_event").inc()
            log.warning(
                "realtime_event_skipped", event_type=event.get("type"), error=type(error).__name__
            )

    def _new_turns(self) -> TurnTaking:
        return TurnTaking(
            self._output, self._voice, send=self._send, dropped=self._on_dropped, clock=self._clock
        )

    def _send(self, event: Event) -> None:
        if self._link is not None:
            self._link.send(event)

    def _create_item(self, role: str, kind: str, text: str) -> None:
        content = [{"type": kind, "text": text}]
        item = {"type": "message", "role": role, "content": content}
        self._send({"type": "conversation.item.create", "item": item})

    # --- The caller's turns --------------------------------------------------------------------

    def _on_committed(self, event: Event) -> None:
        item = str(event["item_id"])
        self._positions[item] = self._record.transcript.number()
        self.read_back.caller_spoke()
        self._caller_spoke()
        self.turns.committed(item)

    def _on_transcript(self, event: Event) -> None:
        """`failed` carries no transcript: the words are unknown, the turn is not."""
        item, text = str(event["item_id"]), str(event.get("transcript") or "").strip()
        position = self._positions.pop(item, None)
        if position is not None:
            self._record.spoke("caller", position, text)
            self._changed()
        if "transcript" in event:
            self.turns.understood(item, text)

    # --- The assistant's speech ----------------------------------------------------------------

    def _on_response_created(self, event: Event) -> None:
        self.spoke_in_response = False
        cancel = self.turns.gate.created(str(event["response"]["id"]), self._clock())
        if cancel is not None:
            self._send({"type": "response.cancel", "response_id": cancel})

    def _on_audio(self, event: Event) -> None:
        response, item = event["response_id"], event["item_id"]
        gate = self.turns.gate
        if gate.is_dead(response) or (gate.active is not None and gate.active != response):
            return
        if not gate.answered and gate.requested_at is not None:
            gate.answered = True
            FIRST_AUDIO.observe(self._clock() - gate.requested_at)
        if item not in self._items:
            self._begin_speech(item, response)
        heard = self._output.heard_of(item)
        if heard is not None and heard[1] * 8 > _LONGEST_SPEECH_BYTES:
            return
        index = int(event.get("content_index") or 0)
        self._output.say(item, b64decode(event["delta"]), response=response, content_index=index)

    def _begin_speech(self, item: str, response: str) -> None:
        self.spoke_in_response = True
        self._items.add(item)
        self._positions[item] = self._record.transcript.number()
        self.read_back.speech_began(item, response)

    def _on_audio_done(self, event: Event) -> None:
        self._output.end_item(event["item_id"])

    def _on_words(self, event: Event) -> None:
        item = event["item_id"]
        self._texts[item] = self._texts.get(item, "") + str(event["delta"])
        self._output.caption(item, self._texts[item])

    def _on_all_words(self, event: Event) -> None:
        self._texts[event["item_id"]] = self.last_words = str(event["transcript"])
        self._output.caption(event["item_id"], str(event["transcript"]))

    def on_heard(self, speech: Speech) -> None:
        """An item was heard to its end."""
        self._end_assistant_turn(speech)

    def _on_dropped(self, speech: Speech) -> None:
        """The caller interrupted: let the model know what was heard, and only that."""
        heard = min(speech.heard_ms, speech.received_ms)
        if speech.item in self._items and heard == 0:
            self._send({"type": "conversation.item.delete", "item_id": speech.item})
        elif speech.item in self._items and (heard < speech.received_ms or not speech.ended):
            self._send(
                {
                    "type": "conversation.item.truncate",
                    "item_id": speech.item,
                    "content_index": speech.content_index,
                    "audio_end_ms": heard,
                }
            )
        self._end_assistant_turn(speech)

    def _end_assistant_turn(self, speech: Speech) -> None:
        self.read_back.speech_over(speech.item, speech.heard_ms, speech.received_ms)
        text = self._texts.pop(speech.item, "")
        position = self._positions.pop(speech.item, None)
        said = heard_text(text, heard_ms=speech.heard_ms, total_ms=speech.received_ms)
        if position is not None and speech.heard_ms:
            self._record.spoke("agent", position, said, speech.heard_ms)
            self._changed()

    # --- Tools ---------------------------------------------------------------------------------

    def _on_item_done(self, event: Event) -> None:
        item = event["item"]
        if item.get("type") != "function_call" or item["call_id"] in self._calls_seen:
            return
        self._calls_seen.add(item["call_id"])
        self.turns.gate.answered = True
        call = ToolCall(
            call_id=item["call_id"],
            name=str(item["name"]),
            arguments=str(item.get("arguments") or ""),
            session=self._session,
        )
        response = str(event.get("response_id"))
        if self.turns.gate.is_dead(response) or self.tool_calls.full():
            self._answer(call, {"status": "error", "error": "interrupted_by_caller"})
            return
        self.tools_running += 1
        self.tool_calls.put_nowait(call)

    def tool_done(self, call: ToolCall, result: Result, *, respond: bool) -> None:
        """The result goes to the model; when it was the last, the assistant speaks."""
        self.tools_running -= 1
        self._record.used_tool(
            self._record.transcript.number(),
            call.name,
            str(result.get("error") or result.get("status") or ""),
        )
        self._answer(call, result)
        if respond and self.tools_running == 0:
            self.turns.want_response()

    def _answer(self, call: ToolCall, result: Result) -> None:
        output = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
        if call.session != self._session:
            self._create_item("system", "input_text", f"Résultat de {call.name} : {output}")
            return
        item = {"type": "function_call_output", "call_id": call.call_id, "output": output}
        self._send({"type": "conversation.item.create", "item": item})

    # --- Ends and errors -----------------------------------------------------------------------

    def _on_response_done(self, event: Event) -> None:
        response = event["response"]
        response_id = response.get("id")
        self._record.usage.add(response.get("usage"))
        if response_id is not None:
            self._output.end_response(str(response_id))
        if response.get("status") == "failed" and not self.turns.gate.is_dead(str(response_id)):
            self._on_response_failed(response)
        elif response.get("status") == "completed":
            self._failures = 0
            self._ask_again_if_empty()
        self.turns.response_done(response_id)

    def _ask_again_if_empty(self) -> None:
        """An answer of nothing is dead air for the caller; twice is what the model means."""
        gate = self.turns.gate
        empty = gate.alive and not gate.answered
        if empty and not self._asked_again:
            log.warning("response_empty")
            gate.wanted = True
        self._asked_again = empty and not self._asked_again

    def _on_response_failed(self, response: dict[str, Any]) -> None:
        details = response.get("status_details") or {}
        code = str((details.get("error") or {}).get("code") or "unknown")[:64]
        ERRORS.labels(kind="response_failed").inc()
        log.warning("response_failed", code=code)
        self._failures += 1
        if self._failures > _FAILURES_IN_A_ROW:
            raise RealtimeUnavailable("responses_fail", retry=False)
        if code in FATAL_ERRORS:
            raise RealtimeUnavailable(code, retry=False)
        self.turns.gate.wanted = True

    def _on_error(self, event: Event) -> None:
        code = error_code(event)
        if code in FATAL_ERRORS:
            raise RealtimeUnavailable(code, retry=code == "session_expired")
        if code == "conversation_already_has_active_response":
            self.turns.gate.refused(self._clock())
        if code in BENIGN_ERRORS:
            log.debug("realtime_error_benign", code=code)
            return
        ERRORS.labels(kind="realtime_error").inc()
        log.warning("realtime_error", code=code)
