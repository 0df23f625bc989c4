"""The caller is heard over the assistant: it falls silent, then this decides who goes on. Pure.

Two stages. The assistant falls silent the moment speech is detected. Within half a second the
loudness of the caller's audio says whether it was speech: then the assistant's words are dropped
where they were heard to; or a noise, a "mmh": then the assistant goes on from the very millisecond.
What a short utterance meant is known later, from its transcript. The caller of this code says what
time it is.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aiworker.conversation.hallucination import plain

DECIDE_SECONDS: Final = 0.5
"""A pause this short sounds like a breath; longer and a false alarm sounds like a fault."""
BEFORE_DETECTION_SECONDS: Final = 0.3
"""The server's detector needed so much speech before it said so, and that is evidence too."""
SPEECH_MS: Final = 380
"""No "oui", cough or door has so much voiced audio."""
SPEAKING_SECONDS: Final = 0.06
"""The caller's last frame, or the one before it, was speech."""
OVER_SECONDS: Final = 0.2
"""A "mmh" lasts as long as two words, but nothing follows it; between words there is less."""
CERTAIN_MS: Final = 560
"""So much speech decides before the half second is over."""
CLEARED_SECONDS: Final = 0.3
"""The bridge says what was heard by then; after that the clock's estimate serves."""
NEARLY_DONE_MS: Final = 1_500
"""A "oui" in the last words of a question answers it."""

_BACKCHANNELS: Final = frozenset(
    "oui ouais ouai ok okay mmh mm mhm hm hmm hum humhum euh ah oh eh bah ben allo voila bien tres"
    " bon parfait super daccord d accord entendu exact exactement c ca est merci".split()
)
_MOST_BACKCHANNEL_WORDS: Final = 5


class Decision(StrEnum):
    """It says what becomes of the assistant's words."""

    DROP = "drop"
    """The caller has the floor."""
    RESUME = "resume"
    """It was nothing: go on from where the caller heard."""
    INSIST = "insist"
    """It was speech after all: fall silent again, for good."""


class Meaning(StrEnum):
    """It says what a short utterance over the assistant's speech is worth."""

    NOTHING = "nothing"
    BACKCHANNEL = "backchannel"
    """ "oui", "d'accord", "mmh", "allô": the assistant is to go on."""
    SPEECH = "speech"
    """It is anything else; "non" and "stop" above all."""


class Stage(StrEnum):
    """It says where one interruption stands."""

    PAUSED = "paused"
    RESUMED = "resumed"
    DROPPED = "dropped"


@dataclass(slots=True)
class Interruption:
    """It is one utterance of the caller over the assistant's speech. Times are seconds."""

    began_at: float
    unheard_ms: int
    """The assistant still had so much to say."""
    awaits_cleared: bool
    stage: Stage = Stage.PAUSED
    insisted: bool = False
    """Its words were understood, and they interrupt."""
    needs_words: bool = False
    """The line is noisy: however loud it is, only words interrupt."""
    _resumed_at: float = 0.0

    def decide(self, now: float, *, voiced_ms: int, last_voiced_at: float) -> Decision | None:
        """Decide; None when it is too early. `voiced_ms` counts from `evidence_since()`."""
        if self.needs_words:
            voiced_ms = 0
        if self.stage is Stage.RESUMED:
            return Decision.INSIST if voiced_ms >= SPEECH_MS else None
        if self.stage is not Stage.PAUSED or self._must_wait_for_cleared(now):
            return None
        if self.insisted or voiced_ms >= CERTAIN_MS:
            return self._drop()
        if now < self.began_at + DECIDE_SECONDS:
            return None
        silent = now - last_voiced_at
        if voiced_ms >= SPEECH_MS and silent < SPEAKING_SECONDS:
            return self._drop()
        if voiced_ms >= SPEECH_MS and silent < OVER_SECONDS:
            return None
        self.stage, self._resumed_at = Stage.RESUMED, now
        return Decision.RESUME

    def evidence_since(self) -> float:
        """Say from when the caller's speech counts."""
        if self.stage is Stage.RESUMED:
            return self._resumed_at
        return self.began_at - BEFORE_DETECTION_SECONDS

    def cleared(self) -> None:
        """Note that the bridge has said what was heard."""
        self.awaits_cleared = False

    def _must_wait_for_cleared(self, now: float) -> bool:
        return self.awaits_cleared and now < self.began_at + CLEARED_SECONDS

    def _drop(self) -> Decision:
        self.stage = Stage.DROPPED
        return Decision.DROP


def meaning(transcript: str) -> Meaning:
    """Weigh the words of a short utterance over the assistant's speech."""
    words = plain(transcript).split()
    if not words:
        return Meaning.NOTHING
    if len(words) <= _MOST_BACKCHANNEL_WORDS and all(word in _BACKCHANNELS for word in words):
        return Meaning.BACKCHANNEL
    return Meaning.SPEECH


def answers_question(assistant_text: str, unheard_ms: int) -> bool:
    """Say whether a "oui" answers a question: it does near its end, else it is a backchannel."""
    return assistant_text.rstrip().endswith("?") and unheard_ms <= NEARLY_DONE_MS
