"""One gateway of FreeSWITCH's as this process knows it, and what a word of FreeSWITCH's or of the
registrar's makes of it: when it is to REGISTER next. No I/O.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from controlplane.bridge.gateways.register_messages import RegisterAnswer
from controlplane.contracts.gateway_states import GatewayState
from controlplane.registrations.sip_codes import ACCOUNT_REFUSED

NO_ANSWER: Final = 908
"""FreeSWITCH's own code of a registrar that says nothing (sofia_reg.c, REG_STATE_TIMEOUT)."""
NO_CREDENTIALS: Final = 900
"""FreeSWITCH's own code of a challenge it cannot answer. It keeps the challenge, and would send no
REGISTER any more (auth_client.c)."""
NOT_FOUND: Final = 404
"""FreeSWITCH gives the binding back when a refresh meets it, and it may well pass."""
FIRST_RETRY_S: Final = 1.0
"""After a refresh that failed, unless Sofia-SIP's un-REGISTER is answered sooner: a REGISTER beside
it would become one itself (nua_register.c, `du_shutdown`)."""
LONGEST_TROUBLE_RETRY_S: Final = 30.0
"""While the carrier is in trouble: every restaurant is back that soon after it, at its pace."""
REFUSED_RETRY_S: Final = 30.0
"""After the account itself was refused, times the number of refusals: carriers lock accounts."""
LONGEST_RETRY_S: Final = 300.0
"""Also what a Retry-After may ask for: a restaurant waits for it."""
SHORTEST_REFRESH_S: Final = 5.0
"""However little a registrar grants."""
HURRIED_S: Final = 3.0
"""Nobody asks for a new binding so soon but Sofia-SIP, when the carrier has closed its connection
(nua_register.c, `nua_register_connection_closed`)."""


@dataclass(slots=True)
class Gateway:
    """One gateway FreeSWITCH has. Times are monotonic seconds, unless they are dates."""

    name: str
    config_version: int = 0
    epoch: int = 0
    """Ownership it was started or registered again for."""
    needs_register: bool = False
    """True: its binding may be gone at the carrier, and is to be proven by another REGISTER. What
    FreeSWITCH says meanwhile is not reported."""
    state: GatewayState = GatewayState.UNREGED
    sip_code: int | None = None
    failures: int = 0
    """In a row, as FreeSWITCH counts them; those before this process's start are not known."""
    retry_at: datetime | None = None
    register_at: float | None = None
    """When we have it REGISTER, unless a new answer comes first: after a failure, or when the
    binding nears its end and FreeSWITCH has not noticed how little was granted."""
    not_before: float = 0.0
    """The carrier's Retry-After."""
    unbound: bool = False
    """True: the registrar holds no binding, though FreeSWITCH may show REGED."""
    emptied: int = 0
    """Answers in a row that left no binding."""
    hurried: int = 0
    """Bindings in a row that were renewed within `HURRIED_S`."""
    answered_at: float = float("-inf")
    giving_back: bool = False
    given_back: bool = False
    """The registrar has answered the un-REGISTER we asked for."""
    has_turn: bool = False
    """Its next REGISTER has had its place in the carrier's row, at the former bridge."""
    deleting: bool = False

    @property
    def registered(self) -> bool:
        """Tell whether its calls arrive, and it is not about to go."""
        return self.state.registered and not self.deleting and not self.unbound

    @property
    def refused(self) -> bool:
        """Tell whether the carrier has just refused the account: its binding is worth nothing."""
        return self.state is GatewayState.FAIL_WAIT and self.sip_code in ACCOUNT_REFUSED

    @property
    def stuck(self) -> bool:
        """Tell whether it is to be made anew, because it can REGISTER no more."""
        return self.needs_register and self.sip_code == NO_CREDENTIALS

    @property
    def due_in_s(self) -> float | None:
        """Return how long it is until we have it REGISTER; None when it needs no word of ours."""
        ending = self.giving_back or self.deleting
        if self.register_at is None or self.needs_register or ending:
            return None
        return max(self.register_at, self.not_before) - monotonic()

    def is_refresh(self, state: GatewayState, *, up: bool) -> bool:
        """Tell whether `state` is only passed through while the binding is there.

        `up` is the event's Ping-Status.
        """
        there = self.state.registered and not self.deleting
        return up and there and state.refreshing

    def enter(self, state: GatewayState, *, sip_code: int | None) -> bool:
        """Note the state FreeSWITCH has told, with the carrier's answer if that is the reason; tell
        whether a REGISTER has failed with it.
        """
        before, self.state = self.state, state
        timed_out = state is GatewayState.TIMEOUT
        match state:
            case GatewayState.REGISTER if before.failed:
                # No REGISTER was sent since: the 200 is that of Sofia-SIP's own un-REGISTER, which
                # follows most refusals of a refresh (nua_client.c, `cr_graceful`).
                self.unbound, self.register_at = True, monotonic()
            case GatewayState.REGED:
                self.sip_code, self.failures, self.retry_at = 200, 0, None
            case GatewayState.FAILED | GatewayState.TIMEOUT if timed_out or sip_code is not None:
                self.sip_code = NO_ANSWER if sip_code is None else sip_code
                self.failures += 1
                had = before.registered
                self.register_at = monotonic() + retry_wait_s(self, had_binding=had)
                return True
            case GatewayState.FAIL_WAIT:
                self.retry_at = datetime.now(UTC) + timedelta(seconds=self.due_in_s or 0.0)
            case GatewayState.DOWN:
                self.register_at = None
        return False

    def hear(self, answer: RegisterAnswer) -> None:
        """Note what a REGISTER of its has come to at the registrar."""
        now = monotonic()
        self.given_back = self.giving_back and not answer.asked_s
        if not 200 <= answer.status < 300:
            if answer.asked_s or answer.retry_after_s:  # of an un-REGISTER only what it says
                self.not_before = now + min(answer.retry_after_s or 0, LONGEST_RETRY_S)
            return
        self.hurried = self.hurried + 1 if now - self.answered_at < HURRIED_S else 0
        self.answered_at = now
        self.unbound = answer.granted_s == 0
        self.emptied = self.emptied + 1 if self.unbound else 0
        if not self.unbound:
            self.register_at, self.not_before = now + refresh_after_s(answer), 0.0
        elif self.emptied == 1 and not answer.asked_s:
            self.register_at = now
        else:
            self.register_at = now + trouble_wait_s(self.emptied)


def retry_wait_s(gateway: Gateway, *, had_binding: bool) -> float:
    """Return the seconds to the next REGISTER after a refusal. It follows soon when this was the
    refresh of a binding, which FreeSWITCH then gives back by itself.
    """
    code, failures = gateway.sip_code, max(1, gateway.failures)
    if code in ACCOUNT_REFUSED and not (code == NOT_FOUND and had_binding):
        return min(REFUSED_RETRY_S * failures, LONGEST_RETRY_S)
    return FIRST_RETRY_S if had_binding else trouble_wait_s(failures)


def trouble_wait_s(failures: int) -> float:
    """Return 2, 4, 8, 16, 30, 30 … seconds: what does not last is over soon."""
    return min(2.0 ** min(failures, 10), LONGEST_TROUBLE_RETRY_S)


def refresh_after_s(answer: RegisterAnswer) -> float:
    """Return when a binding is to be renewed at the latest. FreeSWITCH does so before that, unless
    the registrar granted less than was asked and wrote another Contact in ours' place: then it
    believes in what it asked for (sofia_reg.c; nua_register.c looks for its own Contact only).
    """
    return max(SHORTEST_REFRESH_S, answer.granted_s - max(2.0, min(25.0, answer.granted_s / 5)))
