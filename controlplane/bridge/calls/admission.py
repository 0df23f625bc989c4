"""Blocked numbers and floods of calls are refused before any worker hears of them.

A caller who hides their number is never refused, nor are the restaurant's own people. What is
counted stays in memory: a restaurant's calls come to one bridge.
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from enum import StrEnum
from typing import Final
from uuid import UUID

from controlplane.bridge.calls.call_policy import CallPolicy
from controlplane.contracts.hangup_causes import HangupCause

WINDOW_S: Final = 300.0
"""Somebody who was cut off calls back twice, not seven times."""
MAX_CALLERS: Final = 10_000
"""So many are remembered; the one not heard of for longest is forgotten first."""


class Refusal(StrEnum):
    """Why a call is refused; a metric's label."""

    BLOCKED = "blocked"
    TOO_OFTEN = "too_often"
    TOO_MANY_AT_ONCE = "too_many_at_once"

    @property
    def cause(self) -> HangupCause:
        """A blocked caller gets 603, one who may try again later 486."""
        if self is Refusal.BLOCKED:
            return HangupCause.CALL_REJECTED
        return HangupCause.USER_BUSY


class Admission:
    """Remembers who called this bridge's restaurants when."""

    def __init__(
        self, *, calls: int, at_once: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow `calls` of one number to one restaurant within `WINDOW_S`, `at_once` of them at
        the same time (a switchboard shows one number for all its lines); 0: any number.
        """
        self._most, self._most_at_once = calls, at_once
        self._clock = clock
        self._calls: OrderedDict[tuple[UUID, str], deque[float]] = OrderedDict()

    def refuse(
        self, restaurant_id: UUID, number: str | None, *, policy: CallPolicy, at_once: int
    ) -> Refusal | None:
        """Say why this call is not taken, None when it is. `at_once`: this caller's others now."""
        if number is None or number in policy.own_numbers:
            return None
        if number in policy.blocked:
            return Refusal.BLOCKED
        if 0 < self._most_at_once <= at_once:
            return Refusal.TOO_MANY_AT_ONCE
        return None if self._count(restaurant_id, number) else Refusal.TOO_OFTEN

    def _count(self, restaurant_id: UUID, number: str) -> bool:
        """Count a call; False when it is one too many.

        A refused call is not counted, so the way is free again in time.
        """
        if not self._most:
            return True
        now = self._clock()
        calls = self._calls.setdefault((restaurant_id, number), deque(maxlen=self._most))
        self._calls.move_to_end((restaurant_id, number))
        if len(self._calls) > MAX_CALLERS:
            self._calls.popitem(last=False)
        if len(calls) == self._most and now - calls[0] < WINDOW_S:
            return False
        calls.append(now)
        return True
