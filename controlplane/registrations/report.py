"""Where each restaurant's registration is and how it fares: what `alloresto sip` shows.

Read from Postgres alone, in one query; the password is not among what is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from controlplane.contracts.gateway_states import GatewayState
from controlplane.errors import AlloRestoError
from controlplane.models.carrier import Carrier
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.restaurant import Restaurant
from controlplane.models.sip_registration import SipRegistration
from controlplane.registrations.refusals import RefusedAccount, alone_at

UNREGISTERED_PATIENCE: Final = timedelta(seconds=60)
"""A failover takes 20 s and a retry after a refusal 30 s; when it takes longer, somebody must look.
"""
STUCK_AFTER: Final = timedelta(seconds=30)
"""A move that has not arrived after this time may be sent elsewhere by an admin."""
MOVE_PATIENCE: Final = timedelta(seconds=120)
"""200 registrations move in 20 s at 10 a second; an un-REGISTER nobody answers takes 32 s."""
BRIDGE_PATIENCE: Final = timedelta(seconds=20)
"""`last_seen_at` is written every 5 s, so it is up to 10 s old on a living bridge."""
NEAR_MATCHES: Final = 5


class Standing(StrEnum):
    """Says where an account stands while no bridge has told a `GatewayState` of it."""

    PAUSED = "PAUSED"
    """The restaurant is not live, so it is registered nowhere, on purpose."""
    UNPLACED = "UNPLACED"
    """No bridge owns it."""
    STARTING = "STARTING"
    """Its present bridge has reported nothing yet."""


class UnknownAccount(AlloRestoError):
    """Raised when no account has that name; the message says which names are near."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        hint = f"; did you mean {', '.join(near)}?" if near else "; `alloresto sip list` has them"
        super().__init__(f"no SIP account is called {name!r}{hint}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReport:
    """One row of the report. Every instant is in UTC; `now` is Postgres's own clock."""

    registration_id: UUID
    restaurant_id: UUID
    gateway: str
    slug: str
    restaurant: str
    restaurant_status: str
    carrier: str
    username: str
    domain: str | None
    auth_username: str | None
    registrar: str
    carrier_domain: str | None
    outbound_proxy: str | None
    transport: str
    config_version: int
    bridge: str | None
    requested_bridge: str | None
    former_bridge: str | None
    epoch: int
    placement_reason: str | None
    placed_at: datetime | None
    reported_state: GatewayState
    state_epoch: int
    state_at: datetime | None
    last_sip_code: int | None
    next_retry_at: datetime | None
    auth_failures: int
    max_auth_failures: int
    carrier_refuses_since: datetime | None
    bridge_seen_at: datetime | None
    bridge_draining_since: datetime | None
    now: datetime

    @property
    def state(self) -> GatewayState | Standing:
        """Return its gateway's state on the present bridge, or say why nobody has told one."""
        if self.restaurant_status != "live":
            return Standing.PAUSED
        suspended = self.reported_state is GatewayState.SUSPENDED
        if suspended and self.auth_failures > 0:
            return GatewayState.SUSPENDED
        if self.bridge is None:
            return Standing.UNPLACED
        if suspended:  # until the agent hears that it may try again
            return Standing.STARTING
        return self.reported_state if self.state_epoch == self.epoch else Standing.STARTING

    @property
    def address_of_record(self) -> str:
        """Return what is registered (RFC 3261 §10.1)."""
        return f"sip:{self.username}@{self.domain or self.carrier_domain or self.registrar}"

    @property
    def since(self) -> datetime | None:
        """Return since when it is in `state`, as far as anybody wrote it down."""
        if self.state is Standing.STARTING:
            return self.placed_at
        return self.state_at or self.placed_at

    @property
    def retry_at(self) -> datetime | None:
        """Return when it is tried again by itself: a suspended account hours later, unless there is
        news of its carrier.
        """
        if self.state is not GatewayState.SUSPENDED or self.state_at is None:
            return self.next_retry_at
        over = self.auth_failures - self.max_auth_failures
        return alone_at(
            RefusedAccount(
                id=self.registration_id,
                suspended=True,
                at=self.state_at,
                over=over,
                promised_at=self.next_retry_at,
            )
        )

    @property
    def registered(self) -> bool:
        """Tell whether calls reach its present bridge."""
        return self.state is GatewayState.REGED

    @property
    def move_stuck(self) -> bool:
        """Tell whether its present bridge gets no binding while the former one keeps its own."""
        began = self.placed_at
        late = began is None or self.now - began > STUCK_AFTER
        return self.former_bridge is not None and not self.registered and late

    @property
    def bridge_silent(self) -> bool:
        """Tell whether its bridge has not been heard of lately."""
        if self.bridge is None or self.bridge_seen_at is None:
            return False
        return self.now - self.bridge_seen_at > BRIDGE_PATIENCE

    @property
    def problem(self) -> str | None:
        """Say why a human should look at it; None when nobody need."""
        match self.state:
            case Standing.PAUSED:
                return None
            case GatewayState.SUSPENDED:
                return f"suspended after {self.auth_failures} refusals"
            case Standing.UNPLACED:
                return "on no bridge"
        if self.bridge_silent:
            return f"{self.bridge} is silent"
        since = self.since
        if not self.registered and (since is None or self.now - since > UNREGISTERED_PATIENCE):
            return f"not registered for {age(self.now, since)}"
        moving = self.former_bridge is not None
        if moving and (self.placed_at is None or self.now - self.placed_at > MOVE_PATIENCE):
            return f"still bound on {self.former_bridge}"
        return None


def accounts(connection: Connection, *, bridge_id: str | None = None) -> list[AccountReport]:
    """Return all accounts, or those a bridge owns or still holds, by gateway name."""
    query, row = _query().order_by(SipRegistration.gateway_name), SipRegistration
    if bridge_id is not None:
        query = query.where(or_(row.bridge_id == bridge_id, row.former_bridge_id == bridge_id))
    return _read(connection, query)


def account(connection: Connection, name: str) -> AccountReport:
    """Find one by gateway name, slug or restaurant id. Raises `UnknownAccount`."""
    found = _read(connection, _query().where(_called(name)))
    if len(found) == 1:
        return found[0]
    names = connection.scalars(select(SipRegistration.gateway_name)).all()
    raise UnknownAccount(name, [row.gateway for row in found] or near(name, names))


def near(name: str, names: Iterable[str]) -> list[str]:
    """Return the names a person may have meant, most likely first."""
    names = sorted(names)
    holding = [one for one in names if name.lower() in one]
    similar = get_close_matches(name.lower(), names, n=NEAR_MATCHES, cutoff=0.5)
    return list(dict.fromkeys([*holding, *similar]))[:NEAR_MATCHES]


def age(now: datetime, then: datetime | None) -> str:
    """Spell the time between as `3 s`, `12 min`, `5 h` or `3 d`: one unit, rounded down."""
    if then is None:
        return "ever"
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _called(name: str) -> ColumnElement[bool]:
    names = [SipRegistration.gateway_name == name, Restaurant.slug == name]
    try:
        return or_(*names, Restaurant.id == UUID(name))
    except ValueError:
        return or_(*names)


def _query() -> Select[*tuple[Any, ...]]:
    row, node = SipRegistration, SipBridgeNode
    return (
        select(
            row.id.label("registration_id"),
            row.restaurant_id,
            row.gateway_name.label("gateway"),
            Restaurant.slug,
            Restaurant.name.label("restaurant"),
            Restaurant.status.label("restaurant_status"),
            row.carrier_id.label("carrier"),
            row.username,
            row.domain,
            row.auth_username,
            Carrier.registrar,
            Carrier.domain.label("carrier_domain"),
            Carrier.outbound_proxy,
            Carrier.transport,
            row.config_version,
            row.bridge_id.label("bridge"),
            row.requested_bridge_id.label("requested_bridge"),
            row.former_bridge_id.label("former_bridge"),
            row.epoch,
            row.placement_reason,
            row.placed_at,
            row.state.label("reported_state"),
            row.state_epoch,
            row.state_at,
            row.last_sip_code,
            row.next_retry_at,
            row.auth_failures,
            Carrier.max_auth_failures,
            Carrier.refuses_since.label("carrier_refuses_since"),
            node.last_seen_at.label("bridge_seen_at"),
            node.drain_requested_at.label("bridge_draining_since"),
            func.now().label("now"),
        )
        .join(Restaurant, Restaurant.id == row.restaurant_id)
        .join(Carrier, Carrier.id == row.carrier_id)
        .outerjoin(node, node.id == row.bridge_id)
    )


def _read(connection: Connection, query: Select[*tuple[Any, ...]]) -> list[AccountReport]:
    rows = connection.execute(query).mappings()
    return [
        AccountReport(**{**row, "reported_state": GatewayState.read(row["reported_state"])})
        for row in rows
    ]
