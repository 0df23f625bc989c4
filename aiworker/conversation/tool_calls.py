"""The model's tool calls wait here for their turn, and their results go where they belong."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
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
MOST_WITHOUT_A_WORD: Final = 8
"""A model that has called so many tools and said nothing is made to speak."""
_FAR_TOO_MANY: Final = 2 * _WAITING
"""It was made to, and did not."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model called this function."""

    call_id: str
    name: str
    arguments: str
    response: str | None
    """This response asks for it."""
    session: int
    """It numbers the Realtime session that asked: only that one knows the call id."""


class ToolCalls:
    """It follows one call's tool calls from the event that asks to the result that answers."""

    def __init__(
        self,
        link: SessionLink,
        turns: TurnTaking,
        record: CallRecord,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.running = 0
        self.without_a_word = 0
        """So many calls were made since the assistant last said something."""
        self._link, self._turns, self._record = link, turns, record
        self._clock = clock
        self._waiting: asyncio.Queue[ToolCall] = asyncio.Queue(_WAITING)
        self._seen: set[str] = set()
        self._unspoken: deque[str] = deque(maxlen=_WAITING)
        """The caller was told of none of these results yet."""
        self._in_answer = 0
        """The response that speaks knows so many of them."""
        self._owes_words = False
        """The assistant is to speak about one of the calls that ran since it was last asked to."""

    def ask(self, function: FunctionCall, response: str | None) -> None:
        """Let the tool run soon, unless the caller interrupted the response that asks for it."""
        if function.call_id in self._seen:
            return
        self._seen.add(function.call_id)
        wanted = self._turns.responses.calls(response, self._clock())
        call = ToolCall(
            function.call_id,
            function.name,
            function.arguments or "",
            response=response,
            session=self._link.number,
        )
        if not wanted or self._waiting.full():
            self._answer(call, {"status": "error", "error": "interrupted_by_caller"})
            return
        self.running += 1
        self._waiting.put_nowait(call)
        self.without_a_word += 1
        self._turns.words_only = self.without_a_word >= MOST_WITHOUT_A_WORD
        if self.without_a_word > _FAR_TOO_MANY:
            self._link.give_up("tools_without_a_word")

    def spoken(self, *, first: bool) -> None:
        """Note that the assistant says something, as the `first` of a response or more of it."""
        self.without_a_word, self._turns.words_only = 0, False
        if first:
            self._in_answer = len(self._unspoken)

    def answered(self) -> None:
        """Note that what the assistant said is whole."""
        for _ in range(min(self._in_answer, len(self._unspoken))):
            self._unspoken.popleft()
        self._in_answer = 0

    def unspoken(self) -> tuple[str, ...]:
        """Return what another session must know of tools to answer the caller."""
        return tuple(self._unspoken)

    async def next(self) -> ToolCall:
        """Wait for the next call to run: they run one after the other."""
        return await self._waiting.get()

    def done(self, call: ToolCall, result: Result, *, respond: bool) -> None:
        """Give the model the result; when it was the last, the assistant speaks."""
        self.running -= 1
        outcome = str(result.get("error") or result.get("status") or "")
        told = str(result.get("spoken") or "")
        self._record.used_tool(self._record.transcript.number(), call.name, outcome, told=told)
        self._unspoken.append(_in_words(call, result))
        self._answer(call, result)
        self._owes_words |= respond
        if self._owes_words and self.running == 0:
            self._owes_words = False
            self._turns.want_response()

    def _answer(self, call: ToolCall, result: Result) -> None:
        """Tell the session that asked, or the one after it; without one, `unspoken` is told."""
        if call.session == self._link.number:
            self._link.send(create_function_output(call.call_id, _as_json(result)))
        else:
            self._link.send(create_message("system", _in_words(call, result)))


def _as_json(result: Result) -> str:
    return json.dumps(result, ensure_ascii=False, separators=(",", ":"))


def _in_words(call: ToolCall, result: Result) -> str:
    return f"Résultat de {call.name} : {_as_json(result)}"
