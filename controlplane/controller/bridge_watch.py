"""What a leader has heard of one bridge, and whether it takes it for lost. No I/O.

Two things are proof of a death: the agent says that FreeSWITCH has ended, or nothing is heard of
the agent and FreeSWITCH's port is closed. Everything else needs the whole timeout.
"""

from dataclasses import dataclass
from typing import Final

from controlplane.contracts.heartbeats import BridgeHeartbeat

OVERDUE_S: Final = 0.7
"""The next heartbeat is late by then: FreeSWITCH is asked whether it is still there, which costs a
bridge that was only slow nothing."""
DOUBT_S: Final = 3.0
"""A bridge that has been silent, or whose SIP has been mute, for this long is not lost yet, but
nothing more is given to it."""
SIP_TIMEOUT_S: Final = 10.0
"""When FreeSWITCH has not answered its agent's OPTIONS for this long, its registrations are worth
nothing."""
STEADY_S: Final = 10.0
"""A bridge that joined takes part in evening out once it has stayed this long."""
CONTESTED_S: Final = 10.0
"""When two processes are heard under one name, nothing is given to it for this long after."""


@dataclass(slots=True)
class BridgeWatch:
    """Watches one bridge for one leader's term. Times are monotonic seconds."""

    heard_at: float
    """The last new heartbeat came at this time."""
    steady_since: float
    body: str | None = None
    beat: BridgeHeartbeat | None = None
    """The last heartbeat that could be read; None when there was none yet."""
    readable: bool = True
    mute_since: float | None = None
    switch_ended: bool = False
    lost: bool = False
    contested_until: float = float("-inf")
    _instance_before: str = ""

    def hear(self, body: str, beat: BridgeHeartbeat | None, now: float) -> None:
        """Take a new heartbeat; one that can't be read (`beat` is None) is a sign of life all the
        same: of another version, say.
        """
        self.body, self.heard_at, self.readable = body, now, beat is not None
        if beat is None:
            return
        if self._instance and beat.instance and beat.instance != self._instance:
            self._restarted(beat, now)
        # A FreeSWITCH that starts again takes calls only once its profile runs.
        self.switch_ended = beat.switch_ended or (self.switch_ended and not beat.sip_answers)
        self.mute_since = None if beat.sip_answers else self.mute_since or now
        self.beat = beat

    def _restarted(self, beat: BridgeHeartbeat, now: float) -> None:
        if beat.instance == self._instance_before:
            self.contested_until = now + CONTESTED_S
        self._instance_before, self.steady_since = self._instance, now

    @property
    def _instance(self) -> str:
        return self.beat.instance if self.beat else ""

    def start_clock(self, now: float) -> None:
        """Give it a fresh timeout: nothing could be heard for a while."""
        if not self.lost:
            self.heard_at = now
            self.mute_since = now if self.mute_since is not None else None

    @property
    def sip_bound(self) -> str:
        """Return where its FreeSWITCH is to be asked for; empty when there is no such place."""
        return self.beat.sip_bound if self.beat and not self.lost else ""

    def overdue(self, now: float) -> bool:
        """Tell whether its next heartbeat is late."""
        return now - self.heard_at > OVERDUE_S

    def silent(self, now: float, *, timeout_s: float) -> bool:
        """Tell whether nothing was heard of it for the whole timeout."""
        return now - self.heard_at > timeout_s

    def mute(self, now: float, *, for_s: float = SIP_TIMEOUT_S) -> bool:
        """Tell whether its FreeSWITCH has not spoken SIP for so long."""
        return self.mute_since is not None and now - self.mute_since > for_s

    def judge(self, now: float, *, timeout_s: float) -> bool:
        """Decide whether it is lost; return whether that is news."""
        lost = self.switch_ended or self.silent(now, timeout_s=timeout_s) or self.mute(now)
        if lost is self.lost:
            return False
        self.lost = lost
        if not lost:
            self.steady_since = now
        return True

    def doubted(self, now: float) -> bool:
        """Tell whether nothing more is to be given to it."""
        return (
            self.beat is None
            or not self.readable
            or not self.beat.postgres_answers
            or now < self.contested_until
            or self.silent(now, timeout_s=DOUBT_S)
            or self.mute(now, for_s=DOUBT_S)
        )

    def steady(self, now: float) -> bool:
        """Tell whether loads may be evened out with it."""
        return now - self.steady_since >= STEADY_S
