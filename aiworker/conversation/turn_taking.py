"""Who has the floor is decided here: the assistant falls silent, goes on, gives way, answers.

The Realtime server only detects speech (`create_response` and `interrupt_response` are off); every
decision is made here. Nothing waits: the caller of this code drives it with events and ticks.
"""

from collections.abc import Callable
from typing import Final

import structlog

from aiworker.conversation.assistant_turns import AssistantTurns
from aiworker.conversation.caller_turn import CallerTurn, Floor, Lapse
from aiworker.conversation.caller_words import CallerWords
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
from aiworker.metrics import INTERRUPTIONS, OVERDUE
from aiworker.realtime.client_events import cancel_response, commit_audio, create_response
from aiworker.realtime.response_cycle import ResponseCycle
from aiworker.realtime.response_state import Deadline, Remedy, ResponseState
from aiworker.realtime.session_link import SessionLink
from controlplane.contracts.messages import Cleared

log = structlog.get_logger()

_TURN_SECONDS: Final = 3.0
"""The caller's voice is remembered for so long."""
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
        words: CallerWords,
        *,
        clock: Callable[[], float],
    ) -> None:
        self.responses = ResponseCycle()
        self.words_only = False
        """The next response is not to use a tool."""
        self._on_hold = False
        """Nobody hears the assistant: what it has to say waits."""
        self._turn = CallerTurn()
        self._link, self._output = link, output
        self._voice, self._assistant, self._words = voice, assistant, words
        self._clock = clock
        self._interruption: Interruption | None = None
        self._utterance: str | None = None
        """This committed item is of the interruption being decided."""
        self._worth: Meaning | None = None
        """Its words are known before that is."""
        self._doubtful: dict[str, tuple[float, bool]] = {}
        """The assistant spoke on over these: item → (deadline, near the end of its speech)."""

    @property
    def caller_speaking(self) -> bool:
        return self._turn.floor is Floor.CALLER

    @property
    def answering(self) -> bool:
        """Say whether the assistant is about to speak, over whatever session."""
        responds = self.responses.alive or self.responses.wanted
        return responds or self._turn.floor is Floor.ENDING

    @property
    def caller_silent_since(self) -> float:
        """Say when the caller's last turn ended, by their voice."""
        return self._turn.silent_since

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
        owed = self.answering or self.caller_speaking
        if self.undecided:
            self._go_on()
        self.responses = ResponseCycle()
        spoke_until = self._voiced_at if self.caller_speaking else self._turn.silent_since
        self._turn = CallerTurn(silent_since=spoke_until)
        self._interruption = self._utterance = self._worth = None
        self._doubtful.clear()
        return owed

    # --- What the server heard -----------------------------------------------------------------

    def speech_started(self, item: str | None) -> None:
        if not self._turn.started(item, self._clock()):
            return
        self._words.began()
        if self.undecided:
            return
        self._interruption = self._utterance = self._worth = None
        if self._output.audible() or self.responses.alive:
            self._begin(insisted=False)

    def speech_stopped(self, item: str | None) -> None:
        self._turn.stopped(item, self._clock(), voiced_at=self._voiced_at)

    def committed(self, item: str) -> bool:
        """Note that the caller's turn is whole. Returns whether it is to be answered."""
        return self._turn.committed(item, self._clock(), voiced_at=self._voiced_at)

    def answer(self, item: str) -> None:
        """Answer the caller's turn, which is whole, unless it interrupted."""
        if self._interruption is not None:
            self._utterance = item
            self._settle()
        elif self._output.audible():  # nothing said that the caller began
            self._doubt(item, nearly_done=self._nearly_done(self._output.unheard_ms()))
        elif self._words.patient:
            self._doubt(item, nearly_done=True)
        else:
            self.want_response()

    def lapsed_turn(self) -> str | None:
        """End a turn of the caller that the server does not. Returns it if it is to be answered."""
        now = self._clock()
        lapse = self._turn.overdue(
            now,
            voiced_at=self._voiced_at,
            voiced_ms=self._voice.voiced_ms(now - _TURN_SECONDS),
        )
        if lapse is None:
            return None
        OVERDUE.labels(state=lapse.value).inc()
        log.warning("caller_turn_overdue", lapse=lapse.value)
        match lapse:
            case Lapse.UNENDED:
                self._turn.close(now, voiced_at=self._voiced_at)
                self._link.send(commit_audio())
            case Lapse.NOISE:
                self._turn.forget()
                self._settle()
            case Lapse.UNCOMMITTED:
                return self._turn.lapse()
        return None

    @property
    def _voiced_at(self) -> float:
        return self._voice.last_voiced_at or 0.0

    def not_understood(self, item: str) -> None:
        """Take a turn whose words will not be known for a "oui"."""
        self._words.unknown(item)
        doubt = self._doubtful.pop(item, None)
        if doubt is not None:
            self._weigh(Meaning.BACKCHANNEL, nearly_done=doubt[1])

    def understood(self, item: str, transcript: str) -> None:
        """Weigh the words of a turn that was spoken over; one that was answered is done with."""
        worth, doubt = meaning(transcript), self._doubtful.pop(item, None)
        if doubt is not None:
            self._weigh(worth, nearly_done=doubt[1])
        elif item == self._utterance and self._interruption is not None:
            self._worth = worth
            self._interruption.insisted |= worth is Meaning.SPEECH
            self.tick()

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
                last_voiced_at=self._voiced_at,
            )
            self._apply(decision)
        for item in [item for item, (deadline, _) in self._doubtful.items() if now > deadline]:
            self.not_understood(item)
        self._mend(now)
        self._create_if_due()

    def want_response(self, *, after_seconds: float = 0.0) -> None:
        """Let the assistant speak as soon as it may."""
        self.responses.want(self._clock(), after_seconds=after_seconds)
        self._create_if_due()

    def hold(self, *, on: bool) -> None:
        """Stop in the middle of a word, for nobody listens; or speak again once it is wanted."""
        self._on_hold = on
        if on:
            self._interruption = self._utterance = self._worth = None
            self._output.pause()
            self._give_way()

    def _create_if_due(self) -> None:
        free = self._turn.floor is Floor.FREE and not self.undecided
        if free and self._link.is_open and not self._on_hold:
            self._create()

    def _create(self) -> None:
        if self.responses.ask(self._clock()):
            self._assistant.response_asked()
            self._link.send(create_response(self.responses.request_id, words_only=self.words_only))

    # --- Responses that take too long ----------------------------------------------------------

    def _mend(self, now: float) -> None:
        """Go on when the server leaves something unsaid."""
        heard_until = now if self._output.audible() else self._output.silent_since()
        deadline = self.responses.overdue(now, heard_until=heard_until)
        if deadline is None or not self._link.is_open or self._on_hold:
            return
        OVERDUE.labels(state=deadline.reason).inc()
        log.warning("response_overdue", reason=deadline.reason)
        floor_taken = self.responses.state is ResponseState.WANTED
        self._cut_off(deadline)
        if not self.responses.mend(deadline, now):
            self._link.give_up(deadline.reason)
        elif floor_taken:
            self._create()

    def _cut_off(self, deadline: Deadline) -> None:
        """Cancel what is waited for in vain, and let the model know what was heard of it."""
        if deadline.remedy not in {Remedy.CANCEL, Remedy.CANCEL_AND_ASK}:
            return
        self._link.send(cancel_response(self.responses.active))
        if self.responses.state is ResponseState.SPEAKING:
            self._output.pause()
            self._drop_speech()

    # --- Interruption --------------------------------------------------------------------------

    def _begin(self, *, insisted: bool) -> None:
        unheard = self._output.unheard_ms()
        self._interruption = Interruption(
            began_at=self._clock(),
            unheard_ms=unheard,
            awaits_cleared=self._output.pause(),
            insisted=insisted,
            needs_words=self._words.patient,
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
        if self.responses.cancel(self._clock()):
            self._link.send(cancel_response(self.responses.active))
        self._drop_speech()

    def _drop_speech(self) -> None:
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
        if (
            interruption.stage is Stage.RESUMED
            and item is None
            and self._turn.floor is not Floor.FREE
        ):
            return  # its words are still to come
        worth = self._worth
        self._interruption = self._utterance = self._worth = None
        if interruption.stage is Stage.DROPPED:
            if item is not None or interruption.insisted:
                self.want_response()
        elif item is not None:
            nearly_done = self._nearly_done(interruption.unheard_ms)
            if worth is None:
                self._doubt(item, nearly_done=nearly_done)
            else:
                self._weigh(worth, nearly_done=nearly_done)

    def _nearly_done(self, unheard_ms: int) -> bool:
        return answers_question(self._output.last_text(), unheard_ms)

    def _doubt(self, item: str, *, nearly_done: bool) -> None:
        """Wait for the words of a turn that the assistant speaks on over."""
        self._doubtful[item] = (self._clock() + TRANSCRIPT_SECONDS, nearly_done)

    def _weigh(self, worth: Meaning, *, nearly_done: bool) -> None:
        """Decide whether words that the assistant spoke on over were meant for it."""
        speaking = self._output.audible() or self.responses.alive
        if worth is Meaning.NOTHING:
            return
        if worth is Meaning.SPEECH and speaking:
            self._begin(insisted=True)
            self.tick()
        elif worth is Meaning.SPEECH or nearly_done or not speaking:
            self.want_response()
