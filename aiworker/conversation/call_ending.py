"""A tool, silence or its length decides that a call ends; it never ends before the last words."""

import time
from typing import Final

import structlog

from aiworker.call_progress import CallProgress
from aiworker.conversation.conversation import Conversation
from aiworker.conversation.hand_over import HandOver
from aiworker.conversation.silence import Silence
from aiworker.conversation.tool_calls import ToolCall
from aiworker.media.speech_output import SpeechOutput
from aiworker.media.stream import StreamOver
from aiworker.metrics import ERRORS
from aiworker.tools.context import ToolContext
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import Hangup, Message, TakeMessage

log = structlog.get_logger()

FAREWELL_SECONDS: Final = 15.0
"""Last words that are not generated and heard by then are not waited for."""
ASK_AGAIN_SECONDS: Final = 5.0
"""The bridge hears last words out before it ends a call, and takes no notice of a second request
meanwhile. One that it missed, for it was without FreeSWITCH, is a caller in silence."""
NOT_ENDED_SECONDS: Final = 60.0
"""The bridge needs 25 s at most. A stream still there then is nobody's, and its slot is wanted."""

_TOO_LONG: Final = "L'appel dure trop longtemps. Prends congé poliment, en une phrase."
_LAST_TOOLS: Final = frozenset({"hang_up", "transfer_to_human", "take_message"})


class CallEnding:
    """It ends one call. What kind of end it is to be stands in the tools' `ending`."""

    def __init__(
        self,
        progress: CallProgress,
        conversation: Conversation,
        output: SpeechOutput,
        tools: ToolContext,
        silence: Silence,
        hand_over: HandOver,
        *,
        max_seconds: float,
    ) -> None:
        self._progress, self._conversation, self._output = progress, conversation, output
        self._tools, self._silence, self._hand_over = tools, silence, hand_over
        self.latest = time.monotonic() + max_seconds
        """The assistant takes leave then, whatever is being said."""
        self._decided_at: float | None = None
        self._refused_in: str | None = None
        """This response asked for the tool that was refused last."""
        self._asked: Message | None = None
        """The bridge was asked for this end."""
        self._first_asked_at = self._asked_at = 0.0
        self._caller_spoke = False
        """It is True when the caller spoke since the end was decided."""

    @property
    def decided(self) -> bool:
        return self._decided_at is not None

    # --- Decided, or not -----------------------------------------------------------------------

    def tool_used(self, call: ToolCall, *, refused: bool) -> bool:
        """Note that a tool was used. Returns whether the assistant is to speak about it: one that
        was refused ends nothing, and its caller is told; nor does one of the same response. Only
        what `hang_up` means is plain, whatever arguments it is given.
        """
        beside = call.response is not None and call.response == self._refused_in
        if refused:
            self._refused_in = call.response
        if call.name not in _LAST_TOOLS or beside or (refused and call.name != "hang_up"):
            self.keep_talking()
            return True
        if not self.decided:
            self._decide()
        return not self._conversation.assistant.spoke_in_response

    def say_goodbye(self, instruction: str) -> None:
        """End the call once the assistant has said what it is told to."""
        placed = bool(self._tools.placed)
        self._tools.ending.outcome = CallOutcome.ORDER if placed else CallOutcome.INFORMATION
        self._decide()
        self._conversation.instruct(instruction)

    def keep_talking(self) -> None:
        """Let the call go on, whatever end was decided."""
        self._decided_at = None
        self._tools.ending.forget()
        self._silence.begin()

    def caller_spoke(self) -> None:
        self._caller_spoke = True

    def _decide(self) -> None:
        self._decided_at, self._caller_spoke = time.monotonic(), False

    # --- Time passes ---------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """End a call that was to end, once it may; take leave of one that lasts too long."""
        if self._decided_at is None:
            if now > self.latest:
                self.say_goodbye(_TOO_LONG)
        elif self._asked_to_wait(now):
            self.keep_talking()
        elif now > self._decided_at + FAREWELL_SECONDS or self._last_words_said():
            self._end()

    def _asked_to_wait(self, now: float) -> bool:
        """Say whether the caller wants the call to go on, which was to be hung up."""
        ending = self._tools.ending
        hangs_up = ending.transfer_reason is None and not ending.message
        return hangs_up and self._conversation.words.on_hold and now <= self.latest

    def _last_words_said(self) -> bool:
        """Say whether they are on their way, or heard. A question that was answered is not the last
        word.
        """
        turns, output = self._conversation.turns, self._output
        if self._conversation.answering or turns.undecided or turns.caller_speaking:
            return False
        transfers = self._tools.ending.transfer_reason is not None
        if not (output.all_heard() if transfers else output.all_sent()):
            return False
        if self._caller_spoke and self._conversation.assistant.last_words.endswith("?"):
            self.keep_talking()
            return False
        return True

    # --- The end -------------------------------------------------------------------------------

    def _end(self) -> None:
        ending = self._tools.ending
        if ending.transfer_reason is not None:
            self._hand_over.begin(ending.transfer_reason, ending.transfer_target)
        elif ending.message:
            self._ask(TakeMessage())
        else:
            self._ask(Hangup(outcome=ending.outcome or CallOutcome.INFORMATION))

    def give_up(self) -> None:
        """Hang up: there is nobody left to talk to this caller."""
        ERRORS.labels(kind="call_given_up").inc()
        self._ask(Hangup(outcome=CallOutcome.ERROR))

    def _ask(self, end: Message) -> None:
        self._progress.ended()
        self._asked, self._first_asked_at = end, time.monotonic()
        self._asked_at = self._first_asked_at
        self._output.control(end)

    def insist(self, now: float) -> None:
        """Ask again for the end that the bridge was asked for. Raises `StreamOver` when it never
        comes.
        """
        if now > self._first_asked_at + NOT_ENDED_SECONDS:
            log.warning("call_not_ended")
            raise StreamOver("not_ended")
        if self._asked is not None and now > self._asked_at + ASK_AGAIN_SECONDS:
            self._asked_at = now
            self._output.control(self._asked)
