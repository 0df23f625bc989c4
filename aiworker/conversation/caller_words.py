"""What one caller's turns are worth: words, or noise; and whether they asked us to wait.

A turn is answered at once, before its words are known. A line on which noise makes turns without a
word is another matter, and so is one that is on hold: there an answer waits for words.
"""

from collections.abc import Callable
from typing import Final

from aiworker.conversation.hallucination import is_hallucination, is_often_of_noise, plain
from aiworker.conversation.hold_request import asks_to_wait
from aiworker.media.voice_activity import REMEMBERED_SECONDS, VoiceActivity
from aiworker.metrics import WORDLESS_TURNS

PATIENT_AFTER: Final = 2
"""A door slams twice; the third time something makes a noise, and nobody speaks."""
NOISY_AFTER: Final = 3
HOLD_SECONDS: Final = 60.0
"""Who asks the family comes back within a minute, and so does an operator."""
_ONSET_SECONDS: Final = 0.5
"""The server needs so much to say that speech has started."""
_TURNS: Final = 16
"""Turns whose words are not known yet; of an older one they never will be."""


class CallerWords:
    """It holds the words of one caller against the evidence of their voice. Times are seconds."""

    def __init__(self, voice: VoiceActivity, *, clock: Callable[[], float]) -> None:
        self._voice, self._clock = voice, clock
        self._began_at = 0.0
        self._wordless = 0
        """So many turns in a row had no words."""
        self._before = ""
        """The words of the turn before, when recognisers write them of noise as well."""
        self._hold_until = 0.0
        self._voiced_ms: dict[str, int] = {}
        self._spoke = False

    @property
    def on_hold(self) -> bool:
        """Say whether the caller asked us to wait, less than a minute ago."""
        return self._clock() < self._hold_until

    @property
    def noisy(self) -> bool:
        """Say whether the line makes noise and nobody speaks."""
        return self._wordless >= NOISY_AFTER

    @property
    def patient(self) -> bool:
        """Say whether a turn is answered only once its words are known."""
        return self._wordless >= PATIENT_AFTER or self.on_hold

    def caller_spoke(self) -> bool:
        """Say whether the caller has spoken, as far as is known, since this was last asked."""
        spoke, self._spoke = self._spoke, False
        return spoke

    def began(self) -> None:
        """Note that the server heard speech."""
        self._began_at = self._clock()

    def whole(self, item: str) -> None:
        """Note that a turn is whole: its voice is what its words are held against."""
        self._spoke = self._spoke or not self.patient
        since = max(self._began_at - _ONSET_SECONDS, self._clock() - REMEMBERED_SECONDS)
        self._voiced_ms[item] = self._voice.voiced_ms(since)
        for oldest in list(self._voiced_ms)[:-_TURNS]:
            del self._voiced_ms[oldest]

    def unknown(self, item: str) -> None:
        """Note that the words of a turn will never be known: that is no proof of noise."""
        self._voiced_ms.pop(item, None)
        self._wordless, self._spoke = 0, True

    def understood(self, item: str, transcript: str) -> str:
        """Return what the caller said in a turn, which is nothing when it was a noise. Told a
        second time, it is what it was said to be.
        """
        voiced_ms = self._voiced_ms.pop(item, None)
        if voiced_ms is None:
            return transcript
        said = plain(transcript) and not is_hallucination(transcript, voiced_ms=voiced_ms)
        words = self._count(transcript if said else "")
        if words:
            self._spoke = True
            self._hold_until = self._clock() + HOLD_SECONDS if asks_to_wait(words) else 0.0
        return words

    def _count(self, words: str) -> str:
        """Count a turn. Returns its words, unless recognisers write them, again and again, of the
        same noise.
        """
        of_noise = plain(words) if is_often_of_noise(words) else ""
        again = bool(of_noise) and of_noise == self._before
        self._before = of_noise
        if words and not again:
            self._wordless = 0
            return words
        if not self.on_hold:
            self._wordless += 1
            WORDLESS_TURNS.inc()
        return "" if self.patient else words
