"""One gateway of FreeSWITCH's as this process knows it, and what a word of FreeSWITCH's makes of
it. No I/O.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

from controlplane.bridge.gateways.gateway_xml import RETRY_SECONDS
from controlplane.contracts.gateway_states import GatewayState
from controlplane.registrations.sip_codes import ACCOUNT_REFUSED

NO_ANSWER: Final = 908
"""FreeSWITCH's own code of a registrar that says nothing (sofia_reg.c, REG_STATE_TIMEOUT)."""
FLAT_RETRY: Final = frozenset({503, NO_ANSWER})
"""After these FreeSWITCH waits `retry-seconds`; after others, times the number of failures."""
LONGEST_RETRY_S: Final = 300
"""FreeSWITCH's wait has no such bound: after a carrier's night of 500s it would be 25 minutes."""


@dataclass(slots=True)
class Gateway:
    """One gateway FreeSWITCH has."""

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
    failed_at: float | None = None
    """Monotonic seconds: since when it waits to try again."""
    deleting: bool = False

    @property
    def registered(self) -> bool:
        """Tell whether its calls arrive, and it is not about to go."""
        return self.state.registered and not self.deleting

    @property
    def refused(self) -> bool:
        """Tell whether the carrier has just refused the account: its binding is worth nothing."""
        return self.state is GatewayState.FAIL_WAIT and self.sip_code in ACCOUNT_REFUSED

    @property
    def waits_too_long(self) -> bool:
        """Tell whether FreeSWITCH has waited longer than `LONGEST_RETRY_S` to try again."""
        if self.state is not GatewayState.FAIL_WAIT or self.failed_at is None:
            return False
        return monotonic() - self.failed_at > LONGEST_RETRY_S

    def is_refresh(self, state: GatewayState, *, up: bool) -> bool:
        """Tell whether `state` is only passed through while the binding is there.

        `up` is the event's Ping-Status.
        """
        return up and self.registered and state.refreshing

    def enter(self, state: GatewayState, *, sip_code: int | None) -> bool:
        """Note the state FreeSWITCH has told, with the carrier's answer if that is the reason; tell
        whether a REGISTER has failed with it.
        """
        self.state = state
        timed_out = state is GatewayState.TIMEOUT
        match state:
            case GatewayState.REGED:
                self.sip_code, self.failures, self.retry_at = 200, 0, None
            case GatewayState.FAILED | GatewayState.TIMEOUT if timed_out or sip_code is not None:
                self.sip_code = NO_ANSWER if sip_code is None else sip_code
                self.failures += 1
                return True
            case GatewayState.FAIL_WAIT:
                self.failed_at = monotonic()
                self.retry_at = datetime.now(UTC) + timedelta(seconds=retry_wait_s(self))
        return False


def retry_wait_s(gateway: Gateway) -> int:
    """Return the seconds to the next REGISTER, FreeSWITCH's (REG_STATE_FAILED) or ours."""
    if gateway.sip_code in FLAT_RETRY:
        return RETRY_SECONDS
    return min(RETRY_SECONDS * max(1, gateway.failures), LONGEST_RETRY_S)
