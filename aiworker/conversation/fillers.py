"""While something takes long the caller hears a filler: "un instant, s'il vous plaît"."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiworker.call_progress import CallPhase, CallProgress
from aiworker.conversation.conversation import Conversation
from aiworker.media.speech_output import SpeechOutput
from controlplane.contracts.messages import Hold

ANSWER_SECONDS: Final = 2.3
"""A response that has not begun by then gets a filler: under 3 s of silence with the prompt."""
TOOL_SECONDS: Final = 2.0
"""Two seconds of nothing after a question sound like a dead line."""
AGAIN_SECONDS: Final = 4.0
"""The prompt lasts 1.5 s."""


class Fillers:
    """It says one call's fillers: never over the greeting, over speech, or twice in a row."""

    def __init__(
        self, progress: CallProgress, conversation: Conversation, output: SpeechOutput
    ) -> None:
        self._progress, self._conversation, self._output = progress, conversation, output
        self._said_at = 0.0
        self._said_for: float | None = None
        """The response that a filler was last said for was asked for then."""

    def say_if_silent(self) -> None:
        if self._output.audible() or self._progress.phase is not CallPhase.TALKING:
            return
        now = time.monotonic()
        if now > self._said_at + AGAIN_SECONDS:
            self._said_at = now
            self._output.control(Hold())

    @contextmanager
    def while_a_tool_runs(self) -> Iterator[None]:
        """Say one when the tool takes long."""
        timer = asyncio.get_running_loop().call_later(TOOL_SECONDS, self.say_if_silent)
        try:
            yield
        finally:
            timer.cancel()

    def stay_audible(self, silent_seconds: float) -> None:
        """Say one now and then until there is a session."""
        if silent_seconds > ANSWER_SECONDS:
            self.say_if_silent()

    def tick(self, now: float) -> None:
        """Say one for a response that takes long, once."""
        asked_at = self._conversation.turns.gate.waiting_since
        if asked_at is None or asked_at == self._said_for or now < asked_at + ANSWER_SECONDS:
            return
        self._said_for = asked_at
        self.say_if_silent()
