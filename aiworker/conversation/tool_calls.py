"""The model's tool calls wait here for their turn, and their results go where they belong."""

import asyncio
import json
from dataclasses import dataclass
from typing import Final

from aiworker.conversation.call_record import CallRecord
from aiworker.conversation.turn_taking import TurnTaking
from aiworker.realtime.client_events import create_function_output, create_message
from aiworker.realtime.events import FunctionCall
from aiworker.realtime.session_link import SessionLink
from aiworker.tools.tool import Result

_WAITING: Final = 16
"""A response with more function calls than this is not taking an order."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model called this function."""

    call_id: str
    name: str
    arguments: str
    session: int
    """It numbers the Realtime session that asked: only that one knows the call id."""


class ToolCalls:
    """It follows one call's tool calls from the event that asks to the result that answers."""

    def __init__(self, link: SessionLink, turns: TurnTaking, record: CallRecord) -> None:
        self.running = 0
        self._link, self._turns, self._record = link, turns, record
        self._waiting: asyncio.Queue[ToolCall] = asyncio.Queue(_WAITING)
        self._seen: set[str] = set()

    def ask(self, function: FunctionCall, response: str | None) -> None:
        """Let the tool run soon, unless the caller interrupted the response that asks for it."""
        if function.call_id in self._seen:
            return
        self._seen.add(function.call_id)
        gate = self._turns.gate
        gate.answered = True
        call = ToolCall(
            function.call_id, function.name, function.arguments or "", session=self._link.number
        )
        dead = response is not None and gate.is_dead(response)
        if dead or self._waiting.full():
            self._answer(call, {"status": "error", "error": "interrupted_by_caller"})
            return
        self.running += 1
        self._waiting.put_nowait(call)

    async def next(self) -> ToolCall:
        """Wait for the next call to run: they run one after the other."""
        return await self._waiting.get()

    def done(self, call: ToolCall, result: Result, *, respond: bool) -> None:
        """Give the model the result; when it was the last, the assistant speaks."""
        self.running -= 1
        outcome = str(result.get("error") or result.get("status") or "")
        self._record.used_tool(self._record.transcript.number(), call.name, outcome)
        self._answer(call, result)
        if respond and self.running == 0:
            self._turns.want_response()

    def _answer(self, call: ToolCall, result: Result) -> None:
        output = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
        if call.session == self._link.number:
            self._link.send(create_function_output(call.call_id, output))
        else:
            self._link.send(create_message("system", f"Résultat de {call.name} : {output}"))
