"""Events of the Realtime server become speech, turns and tool calls here.

One object a call, over whichever session the call has. An event that says something odd changes
nothing else: one error must never make the assistant mute.
"""

from collections.abc import Callable
from typing import Final, assert_never

import structlog

from aiworker.conversation.assistant_turns import AssistantTurns
from aiworker.conversation.call_record import CallRecord
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
from aiworker.realtime.session_link import SessionLink
from controlplane.contracts.messages import Marked

log = structlog.get_logger()

_FAILURES_IN_A_ROW: Final = 2
"""A third response that fails will be followed by a fourth."""


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
        self.turns = TurnTaking(link, output, voice, self.assistant, clock=clock)
        self.tool_calls = ToolCalls(link, self.turns, record)
        self._link, self._output, self._record, self._clock = link, output, record, clock
        self._caller_positions: dict[str, int] = {}
        """The words of these turns of the caller are not known yet: item → position."""
        self._failures = 0
        self._asked_again = False

    @property
    def answering(self) -> bool:
        """Say whether the assistant is about to say something, which it can't without a session."""
        gate = self.turns.gate
        responds = self._link.is_open and (gate.alive or gate.wanted)
        return responds or self.tool_calls.running > 0

    @property
    def busy(self) -> bool:
        """Say whether somebody speaks, or is about to."""
        caller = self.turns.caller_speaking or self.turns.undecided
        return caller or self._output.audible() or self.answering

    # --- The session ---------------------------------------------------------------------------

    def session_opened(self, *, context: list[str], respond: bool) -> None:
        """Go on over a new session, which is told what went before when there is `context`."""
        self.assistant.session_opened()
        for turn in self._record.transcript.tail() if context else ():
            self._link.send(
                create_message("user" if turn.role == "caller" else "assistant", turn.text)
            )
        for text in context:
            self.instruct(text, respond=False)
        if respond:
            self.turns.want_response()

    def session_lost(self) -> bool:
        """Begin anew. Returns whether the assistant owes the caller an answer."""
        owed = self.turns.session_lost()
        self.assistant.session_lost()
        return owed

    def instruct(self, text: str, *, respond: bool = True) -> None:
        """Tell the model something the caller does not hear."""
        self._link.send(create_message("system", text))
        if respond:
            self.turns.want_response()

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
            case AudioDone(item_id=item):
                self._output.end_item(item)
            case TranscriptDelta():
                self.assistant.add_words(event)
            case TranscriptDone():
                self.assistant.set_words(event)
            case SpeechStarted():
                self.turns.speech_started()
            case SpeechStopped():
                self.turns.speech_stopped()
            case InputCommitted(item_id=item):
                self._on_committed(item)
            case InputTranscribed(item_id=item, transcript=transcript):
                text = (transcript or "").strip()
                self._end_caller_turn(item, text)
                self.turns.understood(item, text)
            case TranscriptionFailed(item_id=item):
                self._end_caller_turn(item, "")
            case ResponseCreated(response=response):
                self._on_response_created(response.id)
            case ResponseDone(response=response):
                self._on_response_done(response)
            case OutputItemDone(item=FunctionCall() as function, response_id=response_id):
                self.tool_calls.ask(function, response_id)
            case ServerError():
                self._on_error(event.code)
            case OutputItemDone() | SessionUpdated() | Unused() | Unknown():
                pass
            case _:
                assert_never(event)

    # --- The caller's turns --------------------------------------------------------------------

    def _on_committed(self, item: str) -> None:
        self._caller_positions[item] = self._record.transcript.number()
        self.read_back.caller_spoke()
        self.turns.committed(item)

    def _end_caller_turn(self, item: str, text: str) -> None:
        """Record a turn whose words are known, or never will be."""
        position = self._caller_positions.pop(item, None)
        if position is not None:
            self._record.spoke("caller", position, text)

    # --- The assistant's responses -------------------------------------------------------------

    def _on_response_created(self, response: str) -> None:
        self.assistant.response_created()
        cancel = self.turns.gate.created(response, self._clock())
        if cancel is not None:
            self._link.send(cancel_response(cancel))

    def _on_audio(self, event: AudioDelta) -> None:
        gate = self.turns.gate
        if gate.is_dead(event.response_id) or gate.active not in (None, event.response_id):
            return
        if not gate.answered and gate.requested_at is not None:
            gate.answered = True
            FIRST_AUDIO.observe(self._clock() - gate.requested_at)
        self.assistant.say(event)

    def _on_response_done(self, response: FinishedResponse) -> None:
        if response.usage is not None:
            self._record.usage.add(response.usage)
        if response.id is not None:
            self._output.end_response(response.id)
        if response.status == "failed" and not self.turns.gate.is_dead(response.id or ""):
            self._on_response_failed(response.error_code)
        elif response.status == "completed":
            self._failures = 0
            self._ask_again_if_empty()
        self.turns.response_done(response.id)

    def _ask_again_if_empty(self) -> None:
        """An answer of nothing is dead air for the caller; twice is what the model means."""
        gate = self.turns.gate
        empty = gate.alive and not gate.answered
        if empty and not self._asked_again:
            log.warning("response_empty")
            gate.wanted = True
        self._asked_again = empty and not self._asked_again

    def _on_response_failed(self, code: str) -> None:
        ERRORS.labels(kind="response_failed").inc()
        log.warning("response_failed", code=code)
        self._failures += 1
        if self._failures > _FAILURES_IN_A_ROW:
            raise RealtimeUnavailable("responses_fail", retry=False)
        if code in errors.FATAL:
            raise RealtimeUnavailable(code, retry=False)
        self.turns.gate.wanted = True

    def _on_error(self, code: str) -> None:
        if code in errors.FATAL:
            raise RealtimeUnavailable(code, retry=errors.may_retry(code))
        if code == "conversation_already_has_active_response":
            self.turns.gate.refused(self._clock())
        if code in errors.BENIGN:
            log.debug("realtime_error_benign", code=code)
            return
        ERRORS.labels(kind="realtime_error").inc()
        log.warning("realtime_error", code=code)
