"""FreeSWITCH schedules by the whole seconds of its own clock (switch_scheduler.c): what is put off
just after one of them is put off for as long as it says.
"""

import time
from collections.abc import Callable
from typing import Final

from controlplane.esl.event import EslEvent

AFTER_SECOND_S: Final = 0.15
"""Its clock is known to a few hundredths of a second; a little before the second would be a whole
one less."""
FORGETS: Final = 0.01
"""An event that seems late counts this much: it waited for us, or the clocks have drifted apart."""


class SwitchClock:
    """It knows FreeSWITCH's clock by the time its events carry. Times are seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ahead_s: float | None = None
        """FreeSWITCH's clock is so much ahead of ours."""

    def note(self, event: EslEvent) -> None:
        """Learn from an event that has just arrived. Events come late, never early."""
        stamp = event.get("Event-Date-Timestamp") or ""
        if not stamp.isdigit():
            return
        ahead_s = int(stamp) / 1_000_000 - self._clock()
        if self._ahead_s is None or ahead_s > self._ahead_s:
            self._ahead_s = ahead_s
        else:
            self._ahead_s += (ahead_s - self._ahead_s) * FORGETS

    def now(self) -> float:
        """Return what FreeSWITCH's clock shows; until its first event, what ours does."""
        return self._clock() + (self._ahead_s or 0.0)

    def until_after_second(self) -> float:
        """Return how long it is until FreeSWITCH's clock has just begun another second."""
        return 1.0 - (self.now() - AFTER_SECOND_S) % 1.0
