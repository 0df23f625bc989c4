"""How much time is left when the way outs are put off: it shrinks before a bridge has too much to
do, and at nothing the dialplan takes its calls.
"""

import math
from typing import Final

from controlplane.bridge.calls.switch_clock import SwitchClock

REMEMBERED_S: Final = 60
"""As long as a metric is not read."""


class WayOutMargin:
    """Remembers, second by second, the least time that a way out had left. Times are seconds of
    FreeSWITCH's clock.
    """

    def __init__(self, clock: SwitchClock) -> None:
        self._clock = clock
        self._least: dict[int, float] = {}

    def due(self, after_s: int) -> float:
        """Return when one armed now may run: FreeSWITCH counts from the second that has begun."""
        return math.floor(self._clock.now()) + float(after_s)

    def put_off(self, due: float) -> None:
        """Note that one which was due then has been put off by now."""
        now = self._clock.now()
        second = math.floor(now)
        self._least[second] = min(due - now, self._least.get(second, math.inf))
        for old in [one for one in self._least if not second - REMEMBERED_S < one <= second]:
            del self._least[old]

    def least_s(self, within_s: int = REMEMBERED_S) -> float | None:
        """Return the least time left of those last put off; None when none was."""
        since = self._clock.now() - within_s
        return min((left for second, left in self._least.items() if second >= since), default=None)
