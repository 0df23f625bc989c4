"""Who has the floor is decided here: the assistant falls silent, goes on, gives way, answers.

The Realtime server only detects speech (`create_response` and `interrupt_response` are off); every
decision is made here. Nothing waits: the caller of this code drives it with events and ticks.
"""

from collections.abc import Callable
from typing import Final

import structlog

from aiworker.conversation.assistant_turns import AssistantTurns
from aiworker.conversation.interruption import (
    Decision,
    Interruption,
    Meaning,
    Stage,
    answers_question,
    meaning,
)
from aiworker.media.speech_output import SpeechOutput
from aiworker.media.voice_activity import VoiceActivity
from aiworker.metrics import INTERRUPTIONS
from aiworker.realtime.client_events import cancel_response, create_response
from aiworker.realtime.response_gate import ResponseGate
from aiworker.realtime.session_link import SessionLink
from controlplane.contracts.messages import Cleared

log = structlog.get_logger()

TRANSCRIPT_SECONDS: Final = 2.0
"""A short utterance whose words are not known by then counts as a backchannel."""


class TurnTaking:
    """It takes turns in one call, over whichever session it has. Times are seconds."""

    def __init__(
        self,
        link: SessionLink,
        output: SpeechOutput,
        voice: VoiceActivity,
        assistant: AssistantTurns,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.gate = ResponseGate()
        self.caller_speaking = False
        self._link, self._output = link, output
        self._voice, self._assistant = voice, assistant
        self._clock = clock
        self._interruption: Interruption | None = None
        self._utterance: str | None = None
        """This committed item is of the interruption being decided."""
        self._doubtful: dict[str, tuple[float, bool]] = {}
        """The assistant spoke on over these: item → (deadline, near the end of its speech)."""

    @property
    def undecided(self) -> bool:
        """Say whether the assistant is silent until it is known who goes on."""
        return self._interruption is not None and self._interruption.stage is Stage.PAUSED

    @property
    def deciding(self) -> bool:
        """Say whether the next tenth of a second matters."""
        return self._interruption is not None or bool(self._doubtful)

    def session_lost(self) -> bool:
        """Begin anew. Returns whether the assistant owes the caller an answer."""
        owed = self.gate.alive or self.gate.wanted or self.caller_speaking
        if self.undecided:
            self._go_on()
        self.gate = ResponseGate()
        self.caller_speaking = False
        self._interruption = self._utterance = None
        self._doubtful.clear()
        return owed

    # --- What the server heard -----------------------------------------------------------------

    def speech_started(self) -> None:
        self.caller_speaking = True
        if self.undecided:
            return
        self._interruption = self._utterance = None
        if self._output.audible() or self.gate.alive:
            self._begin(insisted=False)

    def speech_stopped(self) -> None:
        self.caller_speaking = False

    def committed(self, item: str) -> None:
        """Answer the caller's turn, which is whole, unless it interrupted."""
        self.caller_speaking = False
        if self._interruption is None:
            self.want_response()
            return
        self._utterance = item
        self._settle()

    def understood(self, item: str, transcript: str) -> None:
        """Weigh the words of a turn that was spoken over; one that was answered is done with."""
        doubt = self._doubtful.pop(item, None)
        if doubt is None:
            return
        self._weigh(meaning(transcript), nearly_done=doubt[1])

    def cleared(self, message: Cleared) -> None:
        """Take the bridge's word for what was heard."""
        if self._output.on_cleared(message) and self._interruption is not None:
            self._interruption.cleared()
            self.tick()

    # --- Time passes ---------------------------------------------------------------------------

    def tick(self) -> None:
        """Decide what is due."""
        now = self._clock()
        if self._interruption is not None:
            since = self._interruption.evidence_since()
            decision = self._interruption.decide(
                now,
                voiced_ms=self._voice.voiced_ms(since),
                last_voiced_at=self._voice.last_voiced_at or 0.0,
            )
            self._apply(decision)
        for item in [item for item, (deadline, _) in self._doubtful.items() if now > deadline]:
            _, nearly_done = self._doubtful.pop(item)
            self._weigh(Meaning.BACKCHANNEL, nearly_done=nearly_done)
        self._create_if_due()

    def want_response(self) -> None:
        """Let the assistant speak as soon as it may."""
        self.gate.wanted = True
        self._create_if_due()

    def response_done(self, response: str | None) -> None:
        self.gate.done(response)
        self._create_if_due()

    def _create_if_due(self) -> None:
        if self.caller_speaking or self.undecided or not self._link.is_open:
            return
        if self.gate.take(self._clock()):
            self._link.send(create_response())

    # --- Interruption --------------------------------------------------------------------------

    def _begin(self, *, insisted: bool) -> None:
        unheard = self._output.unheard_ms()
        self._interruption = Interruption(
            began_at=self._clock(),
            unheard_ms=unheard,
            awaits_cleared=self._output.pause(),
            insisted=insisted,
        )

    def _apply(self, decision: Decision | None) -> None:
        match decision:
            case Decision.DROP:
                INTERRUPTIONS.labels(decision="accepted").inc()
                self._give_way()
            case Decision.RESUME:
                INTERRUPTIONS.labels(decision="false_alarm").inc()
                self._go_on()
            case Decision.INSIST:
                self._begin(insisted=True)
            case None:
                return
        self._settle()

    def _give_way(self) -> None:
        """Leave the rest of what the assistant was saying unsaid."""
        if (active := self.gate.kill()) is not None:
            self._link.send(cancel_response(active))
        for speech in self._output.drop():
            self._assistant.interrupted(speech)

    def _go_on(self) -> None:
        """Go on from the millisecond that was heard: it was nothing."""
        for speech in self._output.resume():
            self._assistant.heard(speech)

    def _settle(self) -> None:
        """Answer the utterance, or doubt it, once it is whole and its interruption decided."""
        interruption, item = self._interruption, self._utterance
        if interruption is None or interruption.stage is Stage.PAUSED:
            return
        if interruption.stage is Stage.RESUMED and item is None:
            return  # its words are still to come
        self._interruption, self._utterance = None, None
        if interruption.stage is Stage.DROPPED:
            if item is not None or interruption.insisted:
                self.want_response()
        elif item is not None:
            near = answers_question(self._output.last_text(), interruption.unheard_ms)
            self._doubtful[item] = (self._clock() + TRANSCRIPT_SECONDS, near)

    def _weigh(self, worth: Meaning, *, nearly_done: bool) -> None:
        """Decide whether words that the assistant spoke on over were meant for it."""
        speaking = self._output.audible() or self.gate.alive
        if worth is Meaning.NOTHING:
            return
        if worth is Meaning.SPEECH and speaking:
            self._begin(insisted=True)
            self.tick()
        elif worth is Meaning.SPEECH or nearly_done or not speaking:
            self.want_response()
