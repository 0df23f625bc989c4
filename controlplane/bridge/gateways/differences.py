"""Where FreeSWITCH's gateways differ from what Postgres wants of this bridge."""

from controlplane.bridge.gateways.accounts import Account, Accounts, Role
from controlplane.bridge.gateways.gateways import Gateways
from controlplane.bridge.gateways.next_step import Step, next_step
from controlplane.bridge.gateways.reports import Reports


class Differences:
    """Compares what is known at that moment, and asks nobody."""

    def __init__(self, *, accounts: Accounts, gateways: Gateways, reports: Reports) -> None:
        self._accounts = accounts
        self._gateways = gateways
        self._reports = reports

    def names(self) -> set[str]:
        """Return the gateways that either side knows."""
        return self._gateways.names() | self._accounts.names()

    def step(self, name: str) -> Step:
        """Decide what that gateway needs next."""
        account, gateway = self._accounts.get(name), self._gateways.get(name)
        suspended = self.suspended(account)
        if account is not None and account.role is Role.FORMER and gateway is not None:
            # The row counts its owner's refusals alone.
            suspended = suspended or gateway.failures >= account.max_auth_failures
        return next_step(account, gateway, suspended=suspended)

    def suspended(self, account: Account | None) -> bool:
        """Tell whether it was refused too often, counting what Postgres does not know yet."""
        if account is None:
            return False
        waiting = self._reports.unwritten_refusals(account.gateway_name)
        too_many = account.auth_failures + waiting >= account.max_auth_failures
        return account.row_state.suspended or (waiting > 0 and too_many)

    def to_be_made_again(self, name: str) -> Account | None:
        """Return the account if its gateway goes only to come back with another configuration."""
        account, gateway = self._accounts.owned(name), self._gateways.get(name)
        if gateway is None or gateway.deleting or self.suspended(account):
            return None
        return account
