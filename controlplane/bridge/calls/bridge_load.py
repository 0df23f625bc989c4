"""How many calls this bridge takes: as many as its cores carry, and no more than it has while it is
seen to strain. Calls in progress win over new ones.

FreeSWITCH refuses, before the answer, for as long as this agent says so (`standing_refusal.py`). A
busy signal and no 503: a restaurant is registered on one bridge, so there is no other route to try,
while a carrier may leave a line that said 503 alone for minutes.
"""

import os
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog
from gevent.event import Event

from controlplane.bridge import metrics
from controlplane.bridge.standing_refusal import StandingRefusal
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.esl.client import EslClient
from controlplane.esl.event import EslEvent
from controlplane.loop import run_loop

EVENTS: Final = ("HEARTBEAT", "CHANNEL_ANSWER", "CHANNEL_HANGUP_COMPLETE")

CALLS_PER_CORE: Final = 25
"""Measured with everything else on the same cores (docs/benchmarks.md, `bench overload`)."""
SESSIONS_PER_CALL: Final = 2
"""A caller may be put through to somebody, and is then two sessions."""
SPARE_SESSIONS: Final = 10
"""Calls that came before FreeSWITCH was told, or hear a prompt only. At the bound itself FreeSWITCH
says 503 with a Retry-After of 300 s, to OPTIONS too (sofia.c), so it is far off."""

LOOK_S: Final = 0.5
LATE_S: Final = 0.25
"""A turn that begins so late has waited for a CPU: half of what a caller may notice."""
MARGIN_LOW_S: Final = 0.4
"""It is 0.85 s on a bridge at ease."""
IDLE_LOW_PERCENT: Final = 3.0
"""In two HEARTBEATs in a row, 5 s apart: each tells of one second."""
STRAINED_LOOKS: Final = 2
"""One alone may be a process that was stopped for a moment."""
CALM_LOOKS: Final = 4
"""After so many without strain there is room for one call more."""
LOG_AGAIN_S: Final = 10.0

log = structlog.get_logger()


class CallLimit:
    """The number itself. It falls to what is there under strain, and recovers call by call."""

    def __init__(self, most: int) -> None:
        self.most = self.now = most
        self._fewest = max(1, most // 4)
        """Strain that so few calls meet is not of their making."""
        self._strained = self._calm = 0

    def look(self, calls: int, *, strained: bool) -> None:
        """Note how it went since the last look."""
        self._strained = self._strained + 1 if strained else 0
        self._calm = 0 if strained else self._calm + 1
        if self._strained >= STRAINED_LOOKS:
            self.now = max(self._fewest, min(self.now, calls))
        elif self._calm >= CALM_LOOKS:
            self.now, self._calm = min(self.most, self.now + 1), 0


class BridgeLoad:
    """Watches how this bridge bears its calls, and tells its FreeSWITCH when it takes no more."""

    def __init__(
        self,
        *,
        esl: EslClient,
        most: int,
        calls: Callable[[], int],
        everybody: Callable[[], int],
        margin_s: Callable[[int], float | None],
    ) -> None:
        """`most` calls are taken at once, 0: as many as the cores carry. `calls` counts those that
        need a worker or a human, `everybody` those of the way out too; `margin_s` is the way
        outs' over so many seconds.
        """
        self.limit = CallLimit(most or CALLS_PER_CORE * len(os.sched_getaffinity(0)))
        self._esl = esl
        self._calls = calls
        self._everybody = everybody
        self._margin_s = margin_s
        self._idle_percent = deque([100.0], maxlen=2)
        self._changed = Event()
        self._due = time.monotonic() + LOOK_S
        self._refusal = StandingRefusal(esl, ChannelVariable.CALLS_REFUSED)
        self._logged: dict[str, float] = {}

    @property
    def full(self) -> bool:
        """Whether it has as many calls as it takes, or nearly as many as FreeSWITCH does."""
        most = self.limit.most
        crowded = self._everybody() >= most + max(most // 2, SPARE_SESSIONS)
        return crowded or self._calls() >= self.limit.now

    def subscribe(self) -> None:
        """Hear of calls that come and go, after those whose calls they are."""
        self._esl.on("HEARTBEAT", self._heard)
        self._esl.on("CHANNEL_ANSWER", lambda _: self._changed.set())
        self._esl.on("CHANNEL_HANGUP_COMPLETE", self._ended)

    def connected(self) -> None:
        """Forget what FreeSWITCH was told: it may be another one."""
        self._refusal.forget()
        self._changed.set()

    def run(self) -> None:
        """Watch for as long as the process lives."""
        run_loop(
            "bridge_load",
            self.look,
            every_s=lambda: max(0.0, self._due - time.monotonic()),
            failures=metrics.LOOP_FAILURES,
            wake=self._changed,
        )

    def look(self) -> None:
        """Measure when it is time to, and tell FreeSWITCH what is new. Raises `EslError`."""
        self._changed.clear()
        late_s = time.monotonic() - self._due
        if late_s >= 0.0:
            self._measure(late_s)
        try:
            if self._esl.connected:
                self._tell(full=self.full)
        finally:  # waiting for FreeSWITCH is no strain of ours
            if late_s >= 0.0:
                self._due = time.monotonic() + LOOK_S

    def _measure(self, late_s: float) -> None:
        margin_s, recent_s = self._margin_s(60), self._margin_s(2)
        short = recent_s is not None and recent_s < MARGIN_LOW_S
        idle_percent = max(self._idle_percent)
        busy = idle_percent < IDLE_LOW_PERCENT
        calls = self._calls()
        self.limit.look(calls, strained=short or busy or late_s > LATE_S)
        metrics.LOOP_LAG.observe(late_s)
        metrics.WAY_OUT_MARGIN.set(float("nan") if margin_s is None else margin_s)
        metrics.CALLS_LIMIT.set(self.limit.now)
        if short:
            self._warn("way_out_margin_low", calls=calls, margin_s=recent_s)
        if calls and (busy or late_s > LATE_S):
            self._warn("bridge_strained", calls=calls, late_s=late_s, idle_percent=idle_percent)

    def _tell(self, *, full: bool) -> None:
        told = self._refusal.told
        if told is None:
            sessions = SESSIONS_PER_CALL * self.limit.most + SPARE_SESSIONS
            self._esl.api(f"fsctl max_sessions {sessions}")
        self._refusal.tell(refused=full)
        metrics.CALLS_TAKEN.set(not full)
        if full and not told:
            self._warn("bridge_full", calls=self._calls(), limit=self.limit.now)

    def _warn(self, event: str, **about: float | None) -> None:
        """Log it, not more often than anybody reads."""
        now = time.monotonic()
        if now - self._logged.get(event, -LOG_AGAIN_S) >= LOG_AGAIN_S:
            self._logged[event] = now
            log.warning(event, **{name: value and round(value, 3) for name, value in about.items()})

    def _heard(self, event: EslEvent) -> None:
        """FreeSWITCH says every 5 s how idle the machine was (switch_core.c, `send_heartbeat`)."""
        self._idle_percent.append(float(event.get("Idle-CPU") or 100.0))
        metrics.IDLE_CPU.set(self._idle_percent[-1])

    def _ended(self, event: EslEvent) -> None:
        if event.get(ChannelVariable.CALL_REFUSED.header):
            metrics.CALLS_REFUSED.labels(reason="bridge_full").inc()
        self._changed.set()
