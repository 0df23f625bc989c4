"""What one gateway needs next: Postgres's wish compared with what FreeSWITCH has. No I/O."""

from enum import StrEnum

from controlplane.bridge.gateways.accounts import Account, Role
from controlplane.bridge.gateways.gateway import Gateway


class Step(StrEnum):
    """Says what one gateway needs next."""

    NOTHING = "nothing"
    START = "start"
    REMOVE = "remove"
    REGISTER_AGAIN = "register again"
    GIVE_BACK = "give back"
    """The new owner is registered: un-REGISTER here, linger, forget, say so."""
    RELEASE = "release"
    """There is nothing to give back: say so."""


def next_step(account: Account | None, gateway: Gateway | None, *, suspended: bool) -> Step:
    """Decide from what Postgres wants and what FreeSWITCH has."""
    if account is None or (account.role is Role.OWNER and suspended):
        return Step.NOTHING if gateway is None else Step.REMOVE
    if account.role is Role.FORMER:
        if gateway is None:
            return Step.RELEASE
        if suspended and gateway.refused:
            return Step.REMOVE
        if account.proven:
            return Step.GIVE_BACK
        return Step.REGISTER_AGAIN if gateway.needs_register else Step.NOTHING
    if gateway is None:
        return Step.START
    if gateway.deleting or gateway.stuck or gateway.config_version != account.config_version:
        return Step.REMOVE
    proven = gateway.epoch == account.epoch and not gateway.needs_register
    return Step.NOTHING if proven else Step.REGISTER_AGAIN
