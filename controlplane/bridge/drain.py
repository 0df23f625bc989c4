"""The end of a bridge without anybody noticing: its registrations move away, its calls end by
themselves, then FreeSWITCH and the agent end.

Nothing is remembered here that Postgres or FreeSWITCH does not know: the next agent, after a
kill -9 of this one, goes on from what they say.
"""

import contextlib
import re
import time
from collections.abc import Callable
from typing import Final

import gevent
import gevent.event
import structlog
from sqlalchemy import Engine, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from controlplane.bridge.calls.story import LONGEST_CALL_S
from controlplane.bridge.gateways.gateways import Gateways
from controlplane.contracts.heartbeats import DrainStep
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed, EslError, EslTimeout
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.sip_registration import SipRegistration

IDLE_LOOK_S: Final = 30.0
"""Whoever asks for a drain also wakes us; a lost wake-up costs that long."""

LOOK_S: Final = 0.5
"""During a drain: one small query and two commands a look."""

GONE_AFTER_S: Final = 10.0
"""A FreeSWITCH not reachable for that long has ended: there is nothing left to drain. A lost
connection is back within 2 s."""

EMPTY_S: Final = 1.0
"""Without a session for that long: an INVITE let in just before the pause is one by then."""

SHUTDOWN_DEADLINE_S: Final = 30.0
"""From `shutdown elegant` to the end of its event socket: 1.7 s measured with one registration."""

UNREGISTER_PACE_S: Final = 0.05
"""Between two un-REGISTERs at the deadline: 200 take 10 s of what the pod has left."""

UNREGISTER_DEADLINE_S: Final = 20.0
"""For all of them: the pace, and FreeSWITCH's two ticks of 1 s."""

log = structlog.get_logger()


class _CalledOff(Exception):
    """An admin wants the bridge back, or FreeSWITCH was started anew."""


class _PlacedMeanwhile(Exception):
    """A placement decided before the drain was written after it."""


class _OutOfTime(Exception):
    """The deadline of SIGTERM has passed."""


class Drain:
    """One bridge's drain, from the wish to the end of the process."""

    def __init__(
        self,
        *,
        esl: EslClient,
        engine: Engine,
        gateways: Gateways,
        bridge_id: str,
        deadline_s: float,
        calls: Callable[[], int],
        stop_registering: Callable[[], None],
    ) -> None:
        """`calls`: those whose story is being told; `stop_registering`: nothing is registered
        here any more, whatever Postgres wants."""
        self._esl = esl
        self._engine = engine
        self._gateways = gateways
        self._bridge_id = bridge_id
        self._deadline_s = deadline_s
        self._calls = calls
        self._stop_registering = stop_registering
        self._look = gevent.event.Event()
        self._told_to_end_at: float | None = None
        self._open = False
        """FreeSWITCH is known not to refuse calls for a drain of ours."""
        self._last_call_at = self._last_session_at = self._last_connected_at = time.monotonic()
        self._leaked = False
        self._hindrance = ""
        self.step: DrainStep | None = None
        """For the heartbeat: how far it has come; None: no drain."""
        self.ended = gevent.event.Event()
        """Nothing is left: the process may end."""

    def look_soon(self) -> None:
        """Look at Postgres now: a drain may have been asked for, or called off."""
        self._look.set()

    @property
    def told_to_end(self) -> bool:
        """Tell whether SIGTERM has come: then the drain has a deadline, and nobody calls it off."""
        return self._told_to_end_at is not None

    def end_when_empty(self) -> None:
        """Drain after SIGTERM, whether anybody else wants it or not, and be done in time."""
        self._told_to_end_at = self._told_to_end_at or time.monotonic()
        log.info("drain_by_signal", deadline_s=self._deadline_s, active_calls=self._calls())
        self.look_soon()

    def run(self) -> None:
        """Drain when that is wanted; after a drain that ended, the process has nothing to do."""
        while True:
            self._wait_until_wanted()
            try:
                self._drain()
            except (_CalledOff, _PlacedMeanwhile) as reason:
                log.info("drain_stopped", reason=type(reason).__name__.strip("_"))
                self.step = None if isinstance(reason, _CalledOff) else DrainStep.MOVING
            except _OutOfTime:
                self._cut()
                break
            else:
                break
        log.info("drain_ended")
        self.ended.set()

    # --- The story --------------------------------------------------------------------------

    def _drain(self) -> None:
        self._enter(DrainStep.MOVING)
        self._until(self._nothing_registered)
        self._enter(DrainStep.CLOSED)
        self._until(self._closed)
        self._until(self._nothing_left)
        self._enter(DrainStep.STOPPING)
        self._shut_down()

    def _wait_until_wanted(self) -> None:
        """Sees to it, the first time, that a drain called off before our time is undone."""
        while not self.told_to_end:
            try:
                if self._wanted() and self._is_this_freeswitchs():
                    return
                self._reopen()
                self._hindrance = ""
            except (SQLAlchemyError, EslError) as error:
                self._hindered(error)
            self._look.wait(timeout=IDLE_LOOK_S if self._open else LOOK_S)
            self._look.clear()

    def _until(self, done: Callable[[], bool]) -> None:
        """Looks until it is done, whatever is away meanwhile.

        Raises _CalledOff, _OutOfTime, and what `done` raises.
        """
        while True:
            self._stay_in_time()
            try:
                if not self._wanted():
                    raise _CalledOff
                if done():
                    return
                self._hindrance = ""
            except (SQLAlchemyError, EslError) as error:
                self._hindered(error)
            self._look.wait(timeout=LOOK_S)
            self._look.clear()

    def _stay_in_time(self) -> None:
        now = time.monotonic()
        if self._esl.connected:
            self._last_connected_at = now
        if self._told_to_end_at is not None and now - self._told_to_end_at > self._deadline_s:
            raise _OutOfTime

    def _nothing_registered(self) -> bool:
        """Tell whether neither Postgres nor FreeSWITCH has a registration here any more."""
        return not self._registrations() and not self._gateways_left()

    def _closed(self) -> bool:
        if not self._gone():
            self._open = False
            self._esl.api("fsctl pause inbound")
        return True

    def _nothing_left(self) -> bool:
        if self._registrations():
            self._reopen()
            raise _PlacedMeanwhile
        now = time.monotonic()
        if self._calls():
            self._last_call_at = now
        sessions = self._sessions()
        if sessions:
            self._last_session_at = now
            self._leaked = now - self._last_call_at > LONGEST_CALL_S
        if self._leaked:
            log.error("drain_sessions_leaked", sessions=sessions)
        return self._leaked or now - self._last_session_at > EMPTY_S

    def _shut_down(self) -> None:
        """Shut FreeSWITCH down, which nobody calls off: it cannot turn back."""
        until, told = time.monotonic() + SHUTDOWN_DEADLINE_S, False
        while time.monotonic() < until:
            if not self._esl.connected and (told or self._gone()):
                return
            try:
                self._esl.api("fsctl shutdown" if self._leaked else "fsctl shutdown elegant")
                told = True
            except EslError as error:
                self._hindered(error)
            gevent.sleep(LOOK_S)
        log.error("freeswitch_still_there", deadline_s=SHUTDOWN_DEADLINE_S)

    def _cut(self) -> None:
        """At the deadline, leave no binding at a registrar; calls go on as FreeSWITCH may."""
        self._stop_registering()
        until = time.monotonic() + UNREGISTER_DEADLINE_S
        names: set[str] = set()
        try:
            names = self._gateways_left()
            log.error(
                "drain_deadline_reached", registrations=sorted(names), active_calls=self._calls()
            )
            for name in names:
                self._unregister(name)
                gevent.sleep(UNREGISTER_PACE_S)
            while self._gateways_left() and time.monotonic() < until:
                gevent.sleep(LOOK_S)
            self._closed()
            with contextlib.suppress(EslTimeout):  # it answers after the last call
                self._esl.bgapi("fsctl shutdown elegant", timeout_s=LOOK_S)
        except EslError as error:
            self._hindered(error)

    # --- What Postgres says -----------------------------------------------------------------

    def _wanted(self) -> bool:
        """Tell whether this bridge is to drain; told to end, it asks for that itself."""
        node = SipBridgeNode
        with self._engine.begin() as connection:
            asked_at = connection.scalar(
                select(node.drain_requested_at).where(node.id == self._bridge_id)
            )
            if asked_at is None and self.told_to_end:
                connection.execute(
                    update(node)
                    .where(node.id == self._bridge_id)
                    .values(drain_requested_at=func.now())
                )
        return asked_at is not None or self.told_to_end

    def _is_this_freeswitchs(self) -> bool:
        """A drain ends with the FreeSWITCH it was asked of: after a new start the controller takes
        the wish away, maybe a moment after we are here to read it."""
        with self._engine.connect() as connection:
            drained = connection.scalar(
                select(SipBridgeNode.instance).where(SipBridgeNode.id == self._bridge_id)
            )
        return not drained or drained == self._esl.api("global_getvar core_uuid")

    def _registrations(self) -> int:
        row = SipRegistration
        mine = or_(row.bridge_id == self._bridge_id, row.former_bridge_id == self._bridge_id)
        with self._engine.connect() as connection:
            return connection.scalar(select(func.count()).where(mine)) or 0

    # --- What FreeSWITCH says ---------------------------------------------------------------

    def _gone(self) -> bool:
        """FreeSWITCH has ended, and will not be back."""
        away_s = time.monotonic() - self._last_connected_at
        return not self._esl.connected and away_s > GONE_AFTER_S

    def _sessions(self) -> int:
        """Count sessions from their first moment to their last; `show channels count` is late."""
        if self._gone():
            return 0
        found = re.search(r"^(\d+) session\(s\) - peak", self._esl.api("status"), re.MULTILINE)
        if found is None:
            raise EslCommandFailed("status tells no number of sessions")
        return int(found[1])

    def _gateways_left(self) -> set[str]:
        """List the gateways here, those being un-REGISTERed too. Raises EslError."""
        return set() if self._gone() else self._gateways.listed()

    def _unregister(self, name: str) -> None:
        try:
            self._gateways.kill_soon(name)
        except EslError as error:  # the next one is luckier
            log.warning("gateway_not_unregistered", gateway=name, error=type(error).__name__)

    def _reopen(self) -> None:
        """Take calls again, once: an admin who pauses the bridge by hand later is not undone."""
        if self._open:
            return
        if self._esl.api("fsctl pause_check inbound") == "true":
            self._esl.api("fsctl resume inbound")
            log.info("calls_taken_again")
        self._open = True

    # --- Telling ----------------------------------------------------------------------------

    def _enter(self, step: DrainStep) -> None:
        self.step = step
        self._last_call_at = self._last_session_at = self._last_connected_at = time.monotonic()
        log.info("drain_step", step=step.value, active_calls=self._calls())

    def _hindered(self, error: Exception) -> None:
        """Log each fault once, not at every look."""
        if self._hindrance != (what := type(error).__name__):
            self._hindrance = what
            log.warning("drain_hindered", error=what)
