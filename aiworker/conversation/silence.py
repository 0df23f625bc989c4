"""A caller who stays silent is invited, asked whether they are there, and taken leave of.

So is one of whom nothing but noise is heard: that is silence, to us.
"""

import time
from dataclasses import dataclass
from typing import Final

from aiworker.conversation.conversation import Conversation
from aiworker.media.speech_output import SpeechOutput

FIRST_WORDS_SECONDS: Final = 4.0
"""The greeting has asked already; a caller who says nothing by then needs an invitation."""
CHECK_IN_SECONDS: Final = 8.0
"""A menu is read to the family by then."""

INVITE: Final = (
    "L'appelant n'a encore rien dit. Invite-le à parler, en une phrase : "
    "« Je vous écoute, que puis-je pour vous ? »"
)
CHECK_IN: Final = (
    "L'appelant se tait depuis un moment. Demande-lui gentiment : « Vous êtes toujours là ? »"
)
LAST_CHECK_IN: Final = "L'appelant se tait toujours. Dis-lui : « Je ne vous entends pas, allô ? »"
GOODBYE: Final = (
    "L'appelant ne répond plus. Prends congé, en une phrase : "
    "« Je ne vous entends plus, je raccroche. À bientôt ! »"
)
NOISY: Final = (
    "Tu n'entends que du bruit, aucune parole. Dis, en une phrase : "
    "« Je vous entends mal, il y a du bruit sur la ligne, pouvez-vous répéter ? »"
)
NOISY_GOODBYE: Final = (
    "Tu n'entends toujours que du bruit. Prends congé, en une phrase : "
    "« Je ne vous entends pas, je préfère raccrocher, n'hésitez pas à rappeler. À bientôt ! »"
)
LAST: Final = frozenset({GOODBYE, NOISY_GOODBYE})
"""The call ends with these."""


@dataclass(slots=True)
class SilencePolicy:
    """It says what to tell the assistant, and after how long. Pure."""

    spoken: bool = False
    """It is True once the caller has said something during the call."""
    _asked: int = 0
    _told_of_noise: bool = False

    def caller_spoke(self) -> None:
        self.spoken, self._asked, self._told_of_noise = True, 0, False

    def due(self, quiet_seconds: float, *, noisy: bool = False) -> str | None:
        """Return the instruction to give the assistant now, once; one of `LAST` ends the call.

        Noise is told of at once: it is no silence to who makes it.
        """
        if quiet_seconds < self._patience(noisy=noisy):
            return None
        steps = (CHECK_IN, LAST_CHECK_IN, GOODBYE)
        if noisy:
            steps = (NOISY, LAST_CHECK_IN, NOISY_GOODBYE)
        elif not self.spoken:
            steps = (INVITE, CHECK_IN, GOODBYE)
        if noisy and not self._told_of_noise:
            self._told_of_noise, self._asked = True, 0
        step = steps[min(self._asked, len(steps) - 1)]
        self._asked += 1
        return step

    def _patience(self, *, noisy: bool) -> float:
        if noisy and not self._told_of_noise:
            return 0.0
        first = not self.spoken and self._asked == 0
        return FIRST_WORDS_SECONDS if first else CHECK_IN_SECONDS


class Silence:
    """It measures how long nobody has spoken in one call, and says what is due then. Who asked us
    to wait is not disturbed.
    """

    def __init__(self, conversation: Conversation, output: SpeechOutput) -> None:
        self._conversation, self._output = conversation, output
        self._policy = SilencePolicy()
        self._began_at = time.monotonic()

    def begin(self) -> None:
        """Count silence from now on: it is somebody's turn."""
        self._began_at = time.monotonic()

    def caller_spoke(self) -> None:
        self._policy.caller_spoke()

    def seconds(self, now: float) -> float:
        """Return how long nobody has spoken; 0 or less while somebody speaks, or is about to."""
        if self._conversation.busy:
            self._began_at = now
        return now - max(self._began_at, self._output.silent_since())

    def due(self, now: float) -> str | None:
        """Return the instruction to give the assistant now, once; one of `LAST` ends the call."""
        seconds, turns = self.seconds(now), self._conversation.turns
        words = self._conversation.words
        if words.on_hold or turns.caller_speaking or turns.deciding:
            return None
        step = self._policy.due(seconds, noisy=words.noisy)
        if step is not None:
            self._began_at = now
        return step
