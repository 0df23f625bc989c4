"""While the caller waits for an answer they hear a filler: "un instant, s'il vous plaît"."""

import time
from typing import Final

from aiworker.call_progress import CallProgress
from aiworker.conversation.conversation import Conversation
from aiworker.media.speech_output import SpeechOutput
from controlplane.contracts.messages import Hold

ANSWER_SECONDS: Final = 2.3
"""A caller who has heard nothing for so long hears one: under 3 s of silence with the prompt."""
TOOL_SECONDS: Final = 2.0
"""A tool runs, and what comes after it takes its time, too."""
FILLER_SECONDS: Final = 1.5
"""The prompt lasts so long."""
AGAIN_SECONDS: Final = FILLER_SECONDS + ANSWER_SECONDS


class Fillers:
    """It says one call's fillers: never over the greeting, over speech, or twice in a row."""

    def __init__(
        self, progress: CallProgress, conversation: Conversation, output: SpeechOutput
    ) -> None:
        self._progress, self._conversation, self._output = progress, conversation, output
        self._said_at = 0.0
        self._waits_since: float | None = None
        """The caller waits for the assistant since then."""

    def say_if_silent(self) -> None:
        if self._output.audible() or not self._progress.talking:
            return
        now = time.monotonic()
        if now > self._said_at + AGAIN_SECONDS:
            self._said_at = now
            self._output.control(Hold())

    def tick(self, now: float) -> None:
        """Say one now and then while the caller waits."""
        if not self._conversation.awaited:
            self._waits_since = None
            return
        heard_at = max(
            self._conversation.turns.caller_silent_since,
            self._output.silent_since(),
            self._said_at + FILLER_SECONDS,
        )
        if self._waits_since is None:
            self._waits_since = heard_at if now < heard_at + ANSWER_SECONDS else now
        seconds = TOOL_SECONDS if self._conversation.tool_calls.without_a_word else ANSWER_SECONDS
        if now > max(heard_at, self._waits_since) + seconds:
            self.say_if_silent()
