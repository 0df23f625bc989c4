"""Events of the Realtime server become speech, turns and tool calls here.

One object a call, over whichever session the call has. An event that says something odd changes
nothing else: one error must never make the assistant mute.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, assert_never

import structlog

from aiworker.conversation.assistant_turns import AssistantTurns
from aiworker.conversation.call_record import CallRecord
from aiworker.conversation.caller_words import CallerWords
from aiworker.conversation.read_back_heard import ReadBackHeard
from aiworker.conversation.tool_calls import ToolCalls
from aiworker.conversation.turn_taking import TurnTaking
from aiworker.media.speech_output import SpeechOutput
from aiworker.media.voice_activity import VoiceActivity
from aiworker.metrics import ERRORS, FIRST_AUDIO
from aiworker.realtime import errors
from aiworker.realtime.client_events import cancel_response, create_message
from aiworker.realtime.errors import RealtimeUnavailable
from aiworker.realtime.events import (
    AudioDelta,
    AudioDone,
    FinishedResponse,
    FunctionCall,
    InputCommitted,
    InputTranscribed,
    OtherItem,
    OutputItemDone,
    ResponseCreated,
    ResponseDone,
    ServerError,
    ServerEvent,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TranscriptDelta,
    TranscriptDone,
    TranscriptionFailed,
    Unknown,
    Unused,
)
from aiworker.realtime.response_cycle import Ended
from aiworker.realtime.session_link import SessionLink
from controlplane.contracts.messages import Marked

log = structlog.get_logger()

_FAILURES_IN_A_ROW: Final = 2
"""A third response that fails will be followed by a fourth."""
_AFTER_FAILURE_SECONDS: Final = 0.3
"""A server that has just failed, or wants fewer requests, is given so long."""
_UNTOLD: Final = 16
"""So much is kept for the next session of what happens while there is none."""


class Conversation:
    """It is one call's talk. Everything returns at once; what takes time is in `tool_calls`."""

    def __init__(
        self,
        link: SessionLink,
        output: SpeechOutput,
        voice: VoiceActivity,
        record: CallRecord,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.read_back = ReadBackHeard(output.heard_of)
        self.assistant = AssistantTurns(link, output, self.read_back, record)
        self.words = CallerWords(voice, clock=clock)
        self.turns = TurnTaking(link, output, voice, self.assistant, self.words, clock=clock)
        self.tool_calls = ToolCalls(link, self.turns, record, clock=clock)
        self._untold: deque[str] = deque(maxlen=_UNTOLD)
        """The next session is told this."""
        self._link, self._output, self._record, self._clock = link, output, record, clock
        self._caller_positions: dict[str, int] = {}
        """The words of these turns of the caller are not known yet: item → position."""
        self._failures = 0

    @property
    def answering(self) -> bool:
        """Say whether the assistant is about to say something, which it can't without a session."""
        responds = self._link.is_open and self.turns.answering
        return responds or self.tool_calls.running > 0

    @property
    def awaited(self) -> bool:
        """Say whether the caller waits for the assistant, also for one that has no session."""
        return not self.turns.caller_speaking and (self.answering or not self._link.is_open)

    @property
    def busy(self) -> bool:
        """Say whether somebody speaks, or is about to. A line that makes noise is nobody."""
        caller = self.turns.caller_speaking or self.turns.undecided
        speaks = caller and not self.words.patient
        return speaks or self._output.audible() or self.answering

    # --- The session ---------------------------------------------------------------------------

    def session_opened(self, *, context: list[str], respond: bool) -> None:
        """Go on over a new session, which is told what went before when there is `context`."""
        self.assistant.session_opened()
        for turn in self._record.transcript.tail() if context else ():
            self._link.send(
                create_message("user" if turn.role == "caller" else "assistant", turn.text)
            )
        for text in (*context, *self.tool_calls.unspoken(), *self._untold):
            self._link.send(create_message("system", text))
        self._untold.clear()
        if respond and not self.tool_calls.running:
            self.turns.want_response()

    def session_lost(self) -> bool:
        """Begin anew. Returns whether the assistant owes the caller an answer."""
        owed = self.turns.session_lost()
        self.assistant.session_lost()
        return owed

    def instruct(self, text: str) -> None:
        """Tell the model something the caller does not hear; the next one, if there is none."""
        if self._link.is_open:
            self._link.send(create_message("system", text))
        else:
            self._untold.append(text)
        self.turns.want_response()

    def inform(self, text: str) -> None:
        """Tell the model something that asks for no answer."""
        self._link.send(create_message("system", text))

    def close(self) -> None:
        """Record what the caller was hearing and saying when the call ended."""
        self.assistant.close()
        for position in self._caller_positions.values():
            self._record.spoke("caller", position, "")

    # --- What happens --------------------------------------------------------------------------

    def tick(self) -> None:
        """Decide what is due."""
        for speech in self._output.overdue():
            self.assistant.heard(speech)
        item = self.turns.lapsed_turn()
        if item is not None:
            self._caller_said(item)
        self.turns.tick()

    def marked(self, message: Marked) -> None:
        """Record what the bridge says was heard to its end."""
        for speech in self._output.marked(message):
            self.assistant.heard(speech)

    def on_event(self, event: ServerEvent) -> None:
        """Deal with one server event. Raises `RealtimeUnavailable` when the session is over."""
        match event:
            case AudioDelta():
                self._on_audio(event)
            case AudioDone(item_id=item, response_id=response_id):
                self._on_item_over(item, response_id)
            case TranscriptDelta():
                self.assistant.add_words(event)
            case TranscriptDone():
                self.assistant.set_words(event)
            case SpeechStarted(item_id=item):
                self.turns.speech_started(item)
            case SpeechStopped(item_id=item):
                self.turns.speech_stopped(item)
            case InputCommitted(item_id=item):
                self._on_committed(item)
            case InputTranscribed(item_id=item, transcript=transcript):
                self._on_transcribed(item, (transcript or "").strip())
            case TranscriptionFailed(item_id=item):
                self._end_caller_turn(item, "")
                self.turns.not_understood(item)
            case ResponseCreated(response=response):
                self._on_response_created(response.id)
            case ResponseDone(response=response):
                self._on_response_done(response)
            case OutputItemDone(item=FunctionCall() as function, response_id=response_id):
                self.tool_calls.ask(function, response_id)
            case OutputItemDone(item=OtherItem(id=item), response_id=response_id):
                self._on_item_over(item, response_id)
            case ServerError():
                self._on_error(event)
            case OutputItemDone() | SessionUpdated() | Unused() | Unknown():
                pass
            case _:
                assert_never(event)

    # --- The caller's turns --------------------------------------------------------------------

    def _on_committed(self, item: str) -> None:
        if self.turns.committed(item):
            self._caller_said(item)

    def _caller_said(self, item: str) -> None:
        """Note a turn that is whole, and answer it."""
        self._caller_positions[item] = self._record.transcript.number()
        self.read_back.caller_spoke()
        self.words.whole(item)
        self.turns.answer(item)

    def _on_transcribed(self, item: str, text: str) -> None:
        if text:  # of a turn that was not said to be whole, it says so
            self._on_committed(item)
        words = self.words.understood(item, text)
        self._end_caller_turn(item, words)
        self.turns.understood(item, words)

    def _end_caller_turn(self, item: str, text: str) -> None:
        """Record a turn whose words are known, or never will be."""
        position = self._caller_positions.pop(item, None)
        if position is not None:
            self._record.spoke("caller", position, text)

    # --- The assistant's responses -------------------------------------------------------------

    def _on_response_created(self, response: str) -> None:
        if self.turns.responses.created(response, self._clock()):
            self._link.send(cancel_response(response))

    def _on_audio(self, event: AudioDelta) -> None:
        responses, now = self.turns.responses, self._clock()
        first = not responses.answered
        if not responses.speaks(event.response_id, now):
            return
        if first:
            FIRST_AUDIO.observe(now - responses.requested_at)
        self.tool_calls.spoken(first=first)
        self.assistant.say(event)

    def _on_item_over(self, item: str | None, response: str | None) -> None:
        if item is not None:
            self._output.end_item(item)
        self.turns.responses.item_over(response, self._clock())

    def _on_response_done(self, response: FinishedResponse) -> None:
        for function in response.calls:
            self.tool_calls.ask(function, response.id)
        if response.usage is not None:
            self._record.usage.add(response.usage)
        if response.id is not None:
            self._output.end_response(response.id)
        ended = self.turns.responses.done(response.id, self._clock())
        if ended is not Ended.NOTHING:
            self._judge(response, ended)
        self.turns.tick()

    def _judge(self, response: FinishedResponse, ended: Ended) -> None:
        """Have the caller answered all the same by a response that was cut short, or empty."""
        if response.status in {"failed", "incomplete"}:
            self._on_response_failed(response.error_code)
        elif ended is Ended.EMPTY:
            self._on_response_empty()
        else:
            self._failures = 0
            self.tool_calls.answered()

    def _on_response_empty(self) -> None:
        """An answer of nothing is dead air for the caller; thrice is what the model means."""
        self._failures += 1
        if self._failures > _FAILURES_IN_A_ROW:
            self._failures = 0
            return
        log.warning("response_empty")
        self.turns.want_response()

    def _on_response_failed(self, code: str) -> None:
        ERRORS.labels(kind="response_failed").inc()
        log.warning("response_failed", code=code)
        self._failures += 1
        if self._failures > _FAILURES_IN_A_ROW:
            raise RealtimeUnavailable("responses_fail", retry=False)
        if code in errors.FATAL:
            raise RealtimeUnavailable(code, retry=False)
        self.turns.want_response(after_seconds=_AFTER_FAILURE_SECONDS)

    def _on_error(self, error: ServerError) -> None:
        code, responses, now = error.code, self.turns.responses, self._clock()
        if code in errors.FATAL:
            raise RealtimeUnavailable(code, retry=errors.may_retry(code))
        if code == "conversation_already_has_active_response":
            responses.occupied(now, error.refused)
        elif code == "response_cancel_not_active":
            responses.not_active(now)
        elif not responses.refused(now, error.refused, after_seconds=_AFTER_FAILURE_SECONDS):
            self._link.give_up("response_refused")
        if code in errors.BENIGN:
            log.debug("realtime_error_benign", code=code)
            return
        ERRORS.labels(kind="realtime_error").inc()
        log.warning("realtime_error", code=code)
