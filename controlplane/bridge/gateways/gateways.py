"""FreeSWITCH's gateways as this process knows them, and the commands that change them.

Asked of FreeSWITCH once after each connection (an agent restarts, FreeSWITCH goes on; or the other
way round), then kept up by its events. Every command waits for the event that proves it: `startgw`
answers +OK for unknown names too, and `killgw` before anything has happened.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Final

import structlog
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from controlplane.bridge import metrics
from controlplane.bridge.gateways.gateway import LONGEST_TROUBLE_RETRY_S, Gateway
from controlplane.bridge.gateways.register_messages import RegisterAnswer
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.gateway_states import GatewayState
from controlplane.errors import AlloRestoError
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed
from controlplane.esl.event import EslEvent

EVENTS: Final = (
    "CUSTOM sofia::gateway_add",
    "CUSTOM sofia::gateway_delete",
    "CUSTOM sofia::gateway_state",
)

ADD_DEADLINE_S: Final = 3.0
"""`startgw` takes 1 to 9 ms."""
DELETE_DEADLINE_S: Final = 15.0
"""`killgw` takes 1 to 2 s, and as long as a REGISTER in flight."""
DOWN_DEADLINE_S: Final = 5.0
"""`unregister` is done at the profile's next tick, 1 s at most, later on a loaded machine."""
GIVEN_BACK_DEADLINE_S: Final = 1.0
"""The registrar's answer to an un-REGISTER: a round trip, or two with a challenge."""
TICK_ROUNDS: Final = 12
"""mod_sofia looks at its gateways every ten rounds of its worker thread. A round takes 100 ms, or
until an event comes for it (sofia.c, `sofia_profile_worker_thread_run`); two are to spare, for
events that arrive together count once."""
ROUND_EVENT: Final = "NOTIFY"
"""Without headers mod_sofia does nothing with it (mod_sofia.c, `general_event_handler`)."""

_STATUS_LINE: Final = re.compile(r"^\s*([\w.\-]+)::([\w.\-]+)\s+gateway\s+.*?\t([A-Z_]+)", re.M)

log = structlog.get_logger()


class GatewayNotChanged(AlloRestoError):
    """FreeSWITCH did not do what a command asked for within its deadline."""


class Gateways:
    """The gateways of one profile. `on_state` hears every change of state but refreshes;
    `on_surprise` is called when somebody else added or removed one.
    """

    def __init__(
        self,
        esl: EslClient,
        *,
        profile: str,
        on_state: Callable[[Gateway], None],
        on_surprise: Callable[[], None],
    ) -> None:
        self._esl = esl
        self._profile = profile
        self._on_state = on_state
        self._on_surprise = on_surprise
        self._known: dict[str, Gateway] = {}
        self._starting: dict[str, Gateway] = {}
        self._touched: set[str] = set()
        self._changed: dict[str, Event] = {}
        self._hastening = False
        self._hears_registrars = False
        """This FreeSWITCH sends copies of its SIP messages."""
        self._one_reload = BoundedSemaphore(1)  # `startgw` parses the whole configuration

    def subscribe(self) -> None:
        """Connect the handlers of gateway events."""
        self._esl.on("sofia::gateway_add", self._added)
        self._esl.on("sofia::gateway_delete", self._deleted)
        self._esl.on("sofia::gateway_state", self._state)

    def get(self, name: str) -> Gateway | None:
        return self._known.get(name)

    def names(self) -> set[str]:
        return set(self._known)

    def all(self) -> list[Gateway]:
        return list(self._known.values())

    # --- Asking once -----------------------------------------------------------------------

    def learn(self) -> None:
        """Ask FreeSWITCH for everything. Raises EslError."""
        self._touched.clear()
        self._hears_registrars = False
        states = self._states()
        found = {name: self._ask(name, states.get(name)) for name in self.listed() | set(states)}
        fresh = {name: one for name, one in found.items() if name not in self._touched}
        kept = {name: one for name, one in self._known.items() if name in self._touched}
        self._known = fresh | kept
        for changed in self._changed.values():
            changed.set()

    def _states(self) -> dict[str, GatewayState]:
        lines = _STATUS_LINE.findall(self._esl.api("sofia status"))
        return {
            name: GatewayState.read(state)
            for profile, name, state in lines
            if profile == self._profile
        }

    def listed(self) -> set[str]:
        """Ask FreeSWITCH for its list, which has those being deleted too; `sofia status` shows them
        no longer. Raises EslError.
        """
        return self._list("up") | self._list("down")

    def _list(self, which: str) -> set[str]:
        try:
            answer = self._esl.api(f"sofia profile {self._profile} gwlist {which}")
        except EslCommandFailed:
            return set()  # an empty answer arrives as -ERR no reply
        return set() if answer.startswith("Invalid Profile") else set(answer.split())

    def _ask(self, name: str, state: GatewayState | None) -> Gateway:
        version = self._number(name, ChannelVariable.CONFIG_VERSION)
        epoch = self._number(name, ChannelVariable.EPOCH)
        gone = version is None
        return Gateway(
            name,
            config_version=version or 0,
            epoch=epoch or 0,
            needs_register=epoch is None,
            state=state or GatewayState.UNREGED,
            register_at=self._register_at(name, state),
            deleting=gone and state is None,
        )

    def _register_at(self, name: str, state: GatewayState | None) -> float | None:
        """Say when a gateway found so is to REGISTER. How long its binding lives is told at each
        REGISTER: an agent that has not heard it asks, one that only lost the event socket has.
        """
        if state is None or not (state.failed or state.registered):
            return None
        before = self._known.get(name)
        if before is not None and before.registered and before.register_at is not None:
            return before.register_at
        return monotonic() + LONGEST_TROUBLE_RETRY_S

    def _number(self, name: str, variable: ChannelVariable) -> int | None:
        try:
            answer = self._esl.api(f"sofia_gateway_data {name} ivar {variable}")
        except EslCommandFailed:
            return None
        return int(answer) if answer.isdigit() else None

    def has_tls(self) -> bool:
        """Ask whether the profile was started with TLS. Raises EslError."""
        return self._esl.api("global_getvar sip_tls").strip() == "true"

    # --- Commands --------------------------------------------------------------------------

    def start(self, name: str, *, epoch: int, config_version: int) -> None:
        """Read its file and register. Raises GatewayNotChanged, EslError."""
        with metrics.GATEWAY_OPERATIONS.labels(operation="start").time():
            self._starting[name] = Gateway(name, config_version=config_version, epoch=epoch)
            try:
                with self._one_reload:
                    self._esl.bgapi(f"sofia profile {self._profile} startgw {name}")
                self._until(name, lambda: name in self._known, ADD_DEADLINE_S, "added")
            finally:
                self._starting.pop(name, None)

    def register(self, name: str, *, epoch: int) -> None:
        """Send one more REGISTER for a gateway that is there; its answer is reported for `epoch`.
        Raises EslError.
        """
        if gateway := self._known.get(name):
            gateway.epoch, gateway.needs_register = epoch, False
            gateway.register_at, gateway.unbound = None, False
            gateway.giving_back = False  # an un-REGISTER that came to nothing is no wish any more
            gateway.state = GatewayState.TRYING
            self._esl.api(f"sofia profile {self._profile} register {name}")
            self._hasten()

    def unregister(self, name: str) -> None:
        """Give the binding back, and return once the registrar has it; the gateway stays, so that
        INVITEs under way find it. Raises GatewayNotChanged, EslError.
        """
        with metrics.GATEWAY_OPERATIONS.labels(operation="unregister").time():
            if gateway := self._known.get(name):
                gateway.giving_back = True
            self._esl.api(f"sofia profile {self._profile} unregister {name}")
            self._hasten()
            self._until(name, lambda: self._is_down(name), DOWN_DEADLINE_S, "unregistered")
            if self._hears_registrars:
                with suppress(GatewayNotChanged):  # it stays bound there until it expires
                    done = partial(self._is_given_back, name)
                    self._until(name, done, GIVEN_BACK_DEADLINE_S, "given back")

    def kill(self, name: str) -> None:
        """Give the binding back and forget the gateway. Raises GatewayNotChanged, EslError."""
        with metrics.GATEWAY_OPERATIONS.labels(operation="kill").time():
            if gateway := self._known.get(name):
                gateway.deleting = True
            self.kill_soon(name)
            self._until(name, lambda: name not in self._known, DELETE_DEADLINE_S, "deleted")

    def kill_soon(self, name: str) -> None:
        """Do as `kill` does, but return at once. Raises EslError."""
        with suppress(EslCommandFailed):  # no such gateway: being deleted, or gone
            self._esl.api(f"sofia profile {self._profile} killgw {name}")

    def _hasten(self) -> None:
        """Have mod_sofia look at its gateways now, not at its next tick. One gateway at a time: the
        others of a burst wait for the tick, as after any command.
        """
        if self._hastening:
            return
        self._hastening = True
        try:
            with suppress(EslCommandFailed):  # a switch that knows no `sendevent`
                for _ in range(TICK_ROUNDS):
                    self._esl.send_event(ROUND_EVENT)
        finally:
            self._hastening = False

    def _is_given_back(self, name: str) -> bool:
        gateway = self._known.get(name)
        return gateway is None or gateway.given_back

    def _is_down(self, name: str) -> bool:
        gateway = self._known.get(name)
        return gateway is None or gateway.state is GatewayState.DOWN

    def _until(self, name: str, true: Callable[[], bool], deadline_s: float, deed: str) -> None:
        changed = self._changed.setdefault(name, Event())
        deadline = monotonic() + deadline_s
        try:
            while not true():
                changed.clear()
                if not changed.wait(max(0.0, deadline - monotonic())) and not true():
                    raise GatewayNotChanged(f"not {deed} within {deadline_s:g} s")
        finally:
            self._changed.pop(name, None)

    def heard(self, name: str, answer: RegisterAnswer) -> None:
        """Take the registrar's own word (`RegisterWatch`)."""
        self._hears_registrars = True
        if gateway := self._known.get(name):
            gateway.hear(answer)
            self._wake(name)

    # --- What FreeSWITCH tells -------------------------------------------------------------

    def _added(self, event: EslEvent) -> None:
        name = event.get("Gateway") or ""
        self._touched.add(name)
        gateway = self._starting.get(name)
        if gateway is None:  # somebody else's, by fs_cli
            gateway = self._ask(name, None)
            self._on_surprise()
        self._known[name] = gateway
        self._wake(name)

    def _deleted(self, event: EslEvent) -> None:
        name = event.get("Gateway") or ""
        self._touched.add(name)
        gateway = self._known.pop(name, None)
        self._wake(name)
        if gateway is not None and not gateway.deleting:
            self._on_surprise()

    def _state(self, event: EslEvent) -> None:
        gateway = self._known.get(event.get("Gateway") or "")
        state = GatewayState.read(event.get("State"))
        if gateway is None or gateway.is_refresh(state, up=event.get("Ping-Status") == "UP"):
            return
        self._touched.add(gateway.name)
        before, status = gateway.state, event.get("Status") or ""
        if gateway.enter(state, sip_code=int(status) if status.isdigit() else None):
            metrics.REGISTER_FAILURES.labels(code=str(gateway.sip_code)).inc()
        if not state.may_follow(before):
            log.warning(
                "gateway_state_unexpected", gateway=gateway.name, state=state, before=before
            )
        self._wake(gateway.name)
        if state is not before:
            self._on_state(gateway)

    def _wake(self, name: str) -> None:
        if changed := self._changed.get(name):
            changed.set()
