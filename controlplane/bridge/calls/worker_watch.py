"""Whether a call's worker is alive, and whether its caller has waited too long for its words. Pure.

A WebSocket may stay open behind a worker that hangs, or before one that has not begun; what a
worker says over it (`KeepAlive` every second) is the only proof of its life.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

SILENT_S: Final = 2.0
"""A worker says something every second: after two the caller is told to wait."""
LOST_S: Final = 5.0
"""A worker that has said nothing for so long is lost, be it stopped, wedged, or without network."""
PROOF_S: Final = 2.0
"""A worker that an earlier agent knew speaks every second, if its stream is there: FreeSWITCH lists
a stream whose server is gone like any other, and told its end to nobody."""
FIRST_WORDS_S: Final = 15.0
"""The caller hears the waiting tone until then; a worker that has not begun to speak by then is
lost. One that is just starting on a loaded machine needs several seconds."""


@dataclass
class WorkerWatch:
    """It watches one call's worker, and the next one from `begins` on. Times are monotonic."""

    clock: Callable[[], float] = time.monotonic
    _heard_at: float = 0.0
    _awaited_since: float = 0.0
    _patience_s: float = FIRST_WORDS_S

    def begins(self, *, known: bool = False) -> None:
        """A worker has the call from now on; `known`: it has spoken before, to an earlier agent."""
        self._heard_at = self._awaited_since = self.clock()
        self._patience_s = PROOF_S if known else FIRST_WORDS_S

    def heard(self) -> None:
        """It said something, whatever it is."""
        self._heard_at = self.clock()
        self._patience_s = LOST_S

    @property
    def unproven(self) -> bool:
        """Whether an earlier agent knew it, and it has said nothing to this one yet."""
        return self._patience_s == PROOF_S

    def await_words(self) -> None:
        """The caller hears from now on that they wait."""
        self._awaited_since = self.clock()

    @property
    def silent(self) -> bool:
        """Whether it should have said something."""
        return self.clock() - self._heard_at > SILENT_S

    def lost(self, *, awaited: bool) -> bool:
        """Whether to give it up; `awaited`: the caller hears the waiting tone."""
        now = self.clock()
        if now - self._heard_at > self._patience_s:
            return True
        return awaited and now - self._awaited_since > FIRST_WORDS_S
