"""The assistant's manners: no silence without a reason, no end before the last word was heard.

Driven by `tick`, five times a second and more; it waits for nothing.
"""

import asyncio
import time
from typing import Final

import structlog

from aiworker.conversation import silence
from aiworker.conversation.conversation import Conversation
from aiworker.media.caller_audio import CallerAudio
from aiworker.media.speech_output import SpeechOutput
from aiworker.media.stream import StreamOver
from aiworker.media.voice_activity import VoiceActivity
from aiworker.metrics import ERRORS
from aiworker.realtime.connection import RealtimeLink
from aiworker.tools.context import Ending, ToolContext
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import Hangup, Hold, TakeMessage, Transfer

log = structlog.get_logger()

ANSWER_FILLER_SECONDS: Final = 2.3
"""A response that has not begun by then gets "un instant": under 3 s of silence with the prompt."""
ANSWER_LOST_SECONDS: Final = 6.0
"""A response that has given nothing by then never will: the session hangs."""
UNANSWERED_SPEECH_SECONDS: Final = 1.2
"""The server says "speech" within 0.3 s, "committed" 0.5 s after: it must have said something."""
PROBE_SECONDS: Final = 0.9
"""For the answer to a question that changes nothing; then the session is deaf."""
SPEECH_MS: Final = 600
"""Loudness a server cannot have missed."""
HOLD_AGAIN_SECONDS: Final = 4.0
"""The prompt lasts 1.5 s."""
FAREWELL_SECONDS: Final = 15.0
"""For last words to be generated and heard; then the call ends without them."""
TRANSFER_SECONDS: Final = 60.0
"""The bridge rings 20 s and says when nobody took it: after this a human has the call."""
TRANSFERS: Final = 2
"""Technical ones; when the second fails too there is nobody left to talk to this caller."""

_TRANSFER_FAILED: Final = (
    "Personne n'a pris l'appel, l'appelant est de retour. Excuse-toi, puis propose de continuer "
    "avec toi ou de laisser un message vocal au restaurant (`take_message`)."
)
_TOO_LONG: Final = "L'appel dure trop longtemps. Prends congé poliment, en une phrase."
_LAST_TOOLS: Final = frozenset({"hang_up", "transfer_to_human", "take_message"})


class Manners:
    """One call's silences and its end."""

    def __init__(
        self,
        conversation: Conversation,
        output: SpeechOutput,
        tools: ToolContext,
        caller_audio: CallerAudio,
        voice: VoiceActivity,
        *,
        max_seconds: float,
    ) -> None:
        self.link: RealtimeLink | None = None
        self._conversation, self._output, self._tools = conversation, output, tools
        self._caller_audio, self._voice = caller_audio, voice
        self._silence = silence.SilencePolicy()
        self._began_at = self._quiet_since = time.monotonic()
        self._max_seconds = max_seconds
        self._greeting = asyncio.Event()
        self._held_at = 0.0
        self._held_for: float | None = None
        self._probed_at: float | None = None
        self._ending_at: float | None = None
        self._spoken_since_ending = False
        self._transferred_at: float | None = None
        self._back = asyncio.Event()
        self._human_calls = 0
        self._over = False

    # --- What happens --------------------------------------------------------------------------

    def greeting_ended(self) -> None:
        if not self._greeting.is_set():
            self._greeting.set()
            self._quiet_since = time.monotonic()
            self._caller_audio.open()

    def caller_spoke(self) -> None:
        self._silence.caller_spoke()
        self._spoken_since_ending = True

    def tool_used(self, name: str) -> bool:
        """A tool call is done. Returns whether the assistant is to speak about it."""
        if name not in _LAST_TOOLS:
            self._keep_talking()
            return True
        if self._ending_at is None:
            self._ending_at, self._spoken_since_ending = time.monotonic(), False
        return not self._conversation.spoke_in_response

    def transfer_failed(self) -> None:
        """Nobody took the call: the caller is back."""
        self._transferred_at = None
        self._caller_audio.closed = False
        self._keep_talking()
        self._back.set()
        if self.link is not None:
            self._conversation.instruct(_TRANSFER_FAILED)

    async def leave_to_human(self) -> None:
        """Realtime cannot be had: the bridge's fallback ladder. Returns when the caller is back."""
        await self._greeting.wait()
        self._human_calls += 1
        if self._human_calls > TRANSFERS:
            self._finish(Ending(outcome=CallOutcome.ERROR))
        else:
            self._finish(Ending(transfer_reason="technical"))
        self._back.clear()
        await self._back.wait()

    def hold(self) -> None:
        """ "Un instant, s'il vous plaît": not before the greeting's end, nor twice in a row."""
        now = time.monotonic()
        free = not self._over and self._transferred_at is None and self._greeting.is_set()
        if free and now > self._held_at + HOLD_AGAIN_SECONDS:
            self._held_at = now
            self._output.control(Hold())

    def hold_if_silent(self) -> None:
        if not self._output.audible():
            self.hold()

    # --- Time passes ---------------------------------------------------------------------------

    def tick(self) -> None:
        """Whatever is due. Raises `StreamOver` when a human has the call."""
        now = time.monotonic()
        self._conversation.turns.tick()
        if self._transferred_at is not None:
            if now > self._transferred_at + TRANSFER_SECONDS:
                raise StreamOver("transferred")
            return
        if self._over or not self._greeting.is_set():
            return
        if self.link is None:
            self._stay_audible(now)
            return
        self._watch_session(self.link, now)
        if self._ending_at is not None:
            self._end_if_said(now)
            return
        self._break_silence(now)
        if now > self._began_at + self._max_seconds:
            self._end_with(_TOO_LONG, CallOutcome.INFORMATION)

    def _busy(self) -> bool:
        turns = self._conversation.turns
        talking = turns.caller_speaking or turns.undecided or self._output.audible()
        return talking or self._answering()

    def _answering(self) -> bool:
        gate = self._conversation.turns.gate
        return gate.alive or gate.wanted or self._conversation.tools_running > 0

    def _stay_audible(self, now: float) -> None:
        """No session: a word now and then until there is one, or a human."""
        if self._busy():
            self._quiet_since = now
        elif now > max(self._quiet_since, self._output.silent_since()) + ANSWER_FILLER_SECONDS:
            self.hold()

    def _break_silence(self, now: float) -> None:
        if self._busy():
            self._quiet_since = now
            return
        step = self._silence.due(now - max(self._quiet_since, self._output.silent_since()))
        if step == silence.GOODBYE:
            self._end_with(step, CallOutcome.INFORMATION)
        elif step is not None:
            self._quiet_since = now
            self._conversation.instruct(step)

    # --- A session that hangs ------------------------------------------------------------------

    def _watch_session(self, link: RealtimeLink, now: float) -> None:
        gate = self._conversation.turns.gate
        if gate.alive and not gate.answered and gate.requested_at is not None:
            self._watch_response(link, now - gate.requested_at, gate.requested_at)
        self._watch_hearing(link, now)

    def _watch_response(self, link: RealtimeLink, waited: float, requested_at: float) -> None:
        if waited > ANSWER_LOST_SECONDS:
            link.give_up("response_never_came")
        elif waited > ANSWER_FILLER_SECONDS and self._held_for != requested_at:
            self._held_for = requested_at
            self.hold_if_silent()

    def _watch_hearing(self, link: RealtimeLink, now: float) -> None:
        """The caller spoke and the server has said nothing at all: ask it something harmless."""
        if self._probed_at is not None:
            if link.heard_from_at > self._probed_at:
                self._probed_at = None
            elif now > self._probed_at + PROBE_SECONDS:
                self._probed_at = None
                link.give_up("session_deaf")
            return
        spoken_at = self._voice.last_voiced_at
        if spoken_at is None or now < spoken_at + UNANSWERED_SPEECH_SECONDS:
            return
        began = spoken_at - 2 * SPEECH_MS / 1_000
        if link.heard_from_at < began and self._voice.voiced_ms(began) >= SPEECH_MS:
            self._probed_at = now
            link.probe()

    # --- The end -------------------------------------------------------------------------------

    def _end_with(self, text: str, outcome: CallOutcome) -> None:
        placed = bool(self._tools.placed)
        self._tools.ending.outcome = CallOutcome.ORDER if placed else outcome
        self._ending_at, self._spoken_since_ending = time.monotonic(), False
        self._conversation.instruct(text)

    def _keep_talking(self) -> None:
        """Whatever end was decided, the call goes on."""
        self._ending_at = None
        self._tools.ending.forget()
        self._quiet_since = time.monotonic()

    def _end_if_said(self, now: float) -> None:
        """The last words are on their way, or heard: end. A question asked meanwhile is not one."""
        ending, began = self._tools.ending, self._ending_at or now
        if now < began + FAREWELL_SECONDS:
            if self._answering() or self._conversation.turns.undecided:
                return
            if self._conversation.turns.caller_speaking or not self._output.all_sent():
                return
            if ending.transfer_reason is not None and not self._output.all_heard():
                return
            if self._spoken_since_ending and self._conversation.last_words.endswith("?"):
                self._keep_talking()
                return
        self._finish(ending)

    def _finish(self, ending: Ending) -> None:
        if ending.transfer_reason is not None:
            log.info("transfer_asked", reason=ending.transfer_reason)
            self._transferred_at = time.monotonic()
            self._caller_audio.closed = True
            self._output.control(
                Transfer(reason=ending.transfer_reason, target_id=ending.transfer_target)
            )
            return
        if ending.outcome is CallOutcome.ERROR:
            ERRORS.labels(kind="call_given_up").inc()
        self._over = True
        self._caller_audio.closed = True
        if ending.message:
            self._output.control(TakeMessage())
            return
        self._output.control(Hangup(outcome=ending.outcome or CallOutcome.INFORMATION))
