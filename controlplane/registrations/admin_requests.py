"""What an admin may ask of a registration: another bridge, another try, or its history.

Nothing is moved here: the controller acts on the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, func, or_, select, update

from controlplane.contracts.gateway_states import GatewayState
from controlplane.errors import AlloRestoError
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.sip_registration import SipRegistration, SipRegistrationEvent
from controlplane.registrations.report import BRIDGE_PATIENCE, AccountReport, Standing, near


class RequestRefused(AlloRestoError):
    """Raised when what was asked cannot be done; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """What Postgres knows of a bridge."""

    id: str
    capacity: int
    held: int
    """Counts the registrations it owns or still holds as the former owner."""
    draining: bool
    lost: bool

    @property
    def room(self) -> int:
        """Return how many more it may take now."""
        return 0 if self.draining or self.lost else max(0, self.capacity - self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One line of a registration's history."""

    id: int
    at: datetime
    bridge: str | None
    epoch: int
    event: str
    detail: str | None
    sip_code: int | None


def bridges(connection: Connection) -> list[Bridge]:
    """Return all bridges that were ever heard of, by name."""
    node, row = SipBridgeNode, SipRegistration
    held = (
        select(func.count())
        .select_from(row)
        .where(or_(row.bridge_id == node.id, row.former_bridge_id == node.id))
        .correlate(node)
        .scalar_subquery()
    )
    query = select(
        node.id,
        node.capacity,
        held.label("held"),
        node.drain_requested_at.is_not(None).label("draining"),
        (func.now() - node.last_seen_at > BRIDGE_PATIENCE).label("lost"),
    ).order_by(node.id)
    return [Bridge(**found) for found in connection.execute(query).mappings()]


def ask_for_move(connection: Connection, account: AccountReport, bridge_id: str) -> None:
    """Ask the controller to move the account there. Raises `RequestRefused` when that can't be."""
    known = {bridge.id: bridge for bridge in bridges(connection)}
    bridge = known.get(bridge_id)
    if bridge is None:
        names = ", ".join(near(bridge_id, known) or sorted(known)[:5]) or "none yet"
        raise RequestRefused(f"no bridge is called {bridge_id!r}; bridges: {names}")
    _refuse_bridge(bridge, holds_it=account.former_bridge == bridge_id)
    _refuse_account(account, bridge_id)
    connection.execute(
        update(SipRegistration)
        .where(SipRegistration.id == account.registration_id)
        .values(requested_bridge_id=bridge_id)
    )


def _refuse_bridge(bridge: Bridge, *, holds_it: bool) -> None:
    if bridge.lost:
        raise RequestRefused(f"{bridge.id} is lost: nothing was heard of it lately")
    if bridge.draining:
        raise RequestRefused(f"{bridge.id} is being drained: it takes no registration")
    if bridge.room == 0 and not holds_it:
        raise RequestRefused(f"{bridge.id} is full: {bridge.held} of {bridge.capacity}")


def _refuse_account(account: AccountReport, bridge_id: str) -> None:
    if account.bridge == bridge_id:
        raise RequestRefused(f"{account.gateway} is already on {bridge_id}")
    if account.state is Standing.PAUSED:
        status = account.restaurant_status
        raise RequestRefused(f"the restaurant is {status}: it is registered nowhere")
    if account.former_bridge is not None and not account.move_stuck:
        raise RequestRefused(
            f"{account.gateway} is moving from {account.former_bridge} to {account.bridge}:"
            " wait until that is done"
        )


def retry(connection: Connection, account: AccountReport) -> None:
    """Forget a suspended account's refusals: its bridge tries again. Raises `RequestRefused`."""
    if account.state is not GatewayState.SUSPENDED:
        raise RequestRefused(
            f"{account.gateway} is not suspended but {account.state}: nothing holds it back"
        )
    connection.execute(
        update(SipRegistration)
        .where(SipRegistration.id == account.registration_id)
        .values(auth_failures=0, next_retry_at=None)
    )


def history(
    connection: Connection, registration_id: UUID, *, after: int = 0, limit: int = 1_000
) -> Sequence[HistoryEntry]:
    """Return the latest `limit` entries with an id above `after`, oldest first."""
    event = SipRegistrationEvent
    query = (
        select(
            event.id,
            event.at,
            event.bridge_id.label("bridge"),
            event.epoch,
            event.event,
            event.detail,
            event.sip_code,
        )
        .where(event.registration_id == registration_id, event.id > after)
        .order_by(event.id.desc())
        .limit(limit)
    )
    found = [HistoryEntry(**entry) for entry in connection.execute(query).mappings()]
    return found[::-1]
