"""One report about a gateway, and what it makes of the registration's row. No I/O."""

from dataclasses import dataclass, replace
from datetime import datetime

from controlplane.contracts.gateway_states import GatewayState


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Says which state one gateway has entered, and why."""

    gateway_name: str
    epoch: int
    state: GatewayState
    at: datetime
    sip_code: int | None = None
    next_retry_at: datetime | None = None
    refused: bool = False
    """True when the carrier has just refused the account itself."""
    detail: str | None = None
    """Why, in words without any value a person typed."""
    news: bool = True
    """False: the same failure once more, which is in no history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowState:
    """What reports change of a row of `sip_registration`, whichever bridge sends them."""

    state: GatewayState
    auth_failures: int
    max_auth_failures: int

    @property
    def suspended(self) -> bool:
        """Tell whether the account is left alone; with fewer refusals another try was asked for."""
        return self.state is GatewayState.SUSPENDED and self.auth_failures >= self.max_auth_failures

    def after(self, report: Report) -> "RowState":
        """Return what the report makes of it. One refusal too many suspends; out of that leads only
        a 200 that came all the same, 0 refusals, which the row's trigger or an admin writes, a
        carrier's raised limit, or another state, which the controller writes: then the next refusal
        suspends again.
        """
        if report.state.registered:
            return replace(self, state=report.state, auth_failures=0)
        failures = self.auth_failures + report.refused
        too_many = report.refused and failures >= self.max_auth_failures
        state = GatewayState.SUSPENDED if too_many or self.suspended else report.state
        return replace(self, state=state, auth_failures=failures)
