"""Tells Postgres what is news about a gateway, each thing once."""

from datetime import UTC, datetime

from controlplane.bridge.gateways.accounts import Account
from controlplane.bridge.gateways.gateway import Gateway
from controlplane.bridge.gateways.gateway_report import Report
from controlplane.bridge.gateways.reports import Reports
from controlplane.contracts.gateway_states import GatewayState


class Reporter:
    """Remembers what it has told of each gateway. It tells of this bridge's own registrations:
    `Reports` passes over anybody else's.
    """

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._told: dict[str, tuple[GatewayState, int, int | None]] = {}
        """State, epoch and SIP code by gateway name."""

    def forget(self, name: str) -> None:
        """Take the next state for news: a new gateway of that name begins."""
        self._told.pop(name, None)

    def forget_all(self) -> None:
        """Take every state for news: FreeSWITCH may be another one."""
        self._told.clear()

    def state_changed(self, gateway: Gateway) -> None:
        """Tell states that last, and a gateway's first whatever it is."""
        if gateway.state.settled or gateway.name not in self._told:
            self._tell(gateway, refused=gateway.refused)

    def tell_again(self, account: Account, gateway: Gateway) -> None:
        """Tell what Postgres did not hear, or somebody wrote over."""
        in_postgres = (account.state, account.state_epoch)
        differs = in_postgres != (gateway.state, account.epoch) and gateway.epoch == account.epoch
        if differs and gateway.state.settled and not self._reports.unwritten(gateway.name):
            self._tell(gateway)

    def cannot(self, account: Account, state: GatewayState, reason: str) -> None:
        """Tell people why there is no gateway."""
        said = (state, account.epoch, None)
        if self._told.get(account.gateway_name) == said:
            return
        self._told[account.gateway_name] = said
        self._reports.put(
            Report(
                gateway_name=account.gateway_name,
                epoch=account.epoch,
                state=state,
                at=datetime.now(UTC),
                detail=reason,
            )
        )

    def _tell(self, gateway: Gateway, *, refused: bool = False) -> None:
        if gateway.needs_register or gateway.unbound:
            return
        said = (gateway.state, gateway.epoch, gateway.sip_code)
        news = self._told.get(gateway.name) != said
        self._told[gateway.name] = said
        self._reports.put(
            Report(
                gateway_name=gateway.name,
                epoch=gateway.epoch,
                state=gateway.state,
                at=datetime.now(UTC),
                sip_code=gateway.sip_code,
                next_retry_at=gateway.retry_at,
                refused=refused,
                news=news,
            )
        )
