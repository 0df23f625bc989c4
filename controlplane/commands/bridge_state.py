"""How bridges stand, for `alloresto bridge`: rows in Postgres, heartbeats in Redis.

Redis may be away: then what only a bridge itself knows (its calls, its step) is not known.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection, Row, func, or_, select, update

from controlplane.commands.environment import redis_url
from controlplane.contracts import redis_keys
from controlplane.contracts.gateway_states import GatewayState
from controlplane.contracts.heartbeats import BridgeHeartbeat
from controlplane.errors import AlloRestoError
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.sip_registration import SipRegistration
from controlplane.redis_clients import sync_redis
from controlplane.registrations.admin_requests import Bridge, bridges
from controlplane.registrations.report import near

REDIS_DEADLINE_S: Final = 2.0
"""A person waits; Redis answers in a millisecond."""


class UnknownBridge(AlloRestoError):
    """No bridge of that name; says which there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        names = ", ".join(near(name, known) or known[:5]) or "none yet"
        super().__init__(f"no bridge is called {name!r}; bridges: {names}")


class Phase(StrEnum):
    """Where a drain stands, as an admin sees it; the middle three are `DrainStep`."""

    NONE = "-"
    ASKED = "asked"
    """In Postgres; the bridge has not said yet that it knows."""
    MOVING = "moving"
    CLOSED = "closed"
    STOPPING = "stopping"
    ENDED = "ended"
    """No heartbeat any more, and no registration names it."""


class Waiting(NamedTuple):
    """One registration still held by a draining bridge, and why."""

    gateway: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeState:
    """One bridge now."""

    bridge: Bridge
    address: str | None
    instance: str | None
    drain_requested: bool
    beat: BridgeHeartbeat | None
    heartbeats_known: bool
    """False: Redis is away, so a missing `beat` says nothing."""
    assigned: int
    """Registrations it owns; `bridge.held` has those it still keeps for a move, too."""
    room_elsewhere: int

    @property
    def alive(self) -> str:
        if not self.heartbeats_known:
            return "?"
        return "yes" if self.beat is not None else "no"

    @property
    def phase(self) -> Phase:
        if self.beat is not None and self.beat.drain is not None:
            return Phase(self.beat.drain.value)
        if not self.drain_requested:
            return Phase.NONE
        gone = self.heartbeats_known and self.beat is None
        return Phase.ENDED if gone and not self.bridge.held else Phase.ASKED


def redis_client() -> Redis:
    """Make a client of REDIS_URL, which connects when first asked. Raises `ConfigurationError`."""
    return sync_redis(redis_url(), timeout_s=REDIS_DEADLINE_S)


def bridge_states(connection: Connection, redis: Redis) -> list[BridgeState]:
    """Every bridge there ever was, by name."""
    known = bridges(connection)
    node, row = SipBridgeNode, SipRegistration
    rows = {
        found.id: found
        for found in connection.execute(
            select(node.id, node.sip_address, node.instance, node.drain_requested_at)
        )
    }
    owned = select(row.bridge_id, func.count()).group_by(row.bridge_id)
    assigned = Counter({name or "": count for name, count in connection.execute(owned)})
    beats = _heartbeats(redis, [bridge.id for bridge in known])
    return [
        BridgeState(
            bridge=bridge,
            address=rows[bridge.id].sip_address,
            instance=rows[bridge.id].instance,
            drain_requested=rows[bridge.id].drain_requested_at is not None,
            beat=beats.get(bridge.id) if beats is not None else None,
            heartbeats_known=beats is not None,
            assigned=assigned[bridge.id],
            room_elsewhere=sum(other.room for other in known if other.id != bridge.id),
        )
        for bridge in known
    ]


def bridge_state(connection: Connection, redis: Redis, name: str) -> BridgeState:
    """One of them. Raises `UnknownBridge`."""
    states = {state.bridge.id: state for state in bridge_states(connection, redis)}
    if name not in states:
        raise UnknownBridge(name, sorted(states))
    return states[name]


def waiting(connection: Connection, state: BridgeState) -> list[Waiting]:
    """What still names this bridge, as owner or former, by gateway."""
    row, name = SipRegistration, state.bridge.id
    query = (
        select(
            row.gateway_name,
            row.bridge_id,
            row.epoch,
            row.state,
            row.state_epoch,
            row.last_sip_code,
        )
        .where(or_(row.bridge_id == name, row.former_bridge_id == name))
        .order_by(row.gateway_name)
    )
    room = state.room_elsewhere > 0
    return [
        Waiting(found.gateway_name, _why(found, name, room_elsewhere=room))
        for found in connection.execute(query)
    ]


def set_drain(connection: Connection, name: str, *, wanted: bool) -> None:
    """Ask for a drain, or call it off; the time of the first wish stays."""
    asked_at = func.coalesce(SipBridgeNode.drain_requested_at, func.now()) if wanted else None
    connection.execute(
        update(SipBridgeNode).where(SipBridgeNode.id == name).values(drain_requested_at=asked_at)
    )


def _heartbeats(redis: Redis, names: Sequence[str]) -> dict[str, BridgeHeartbeat] | None:
    try:
        bodies = redis.mget([redis_keys.bridge_heartbeat(name) for name in names]) if names else []
    except RedisError:
        return None
    beats = {}
    for name, body in zip(names, bodies, strict=True):
        try:
            if body is not None:
                beats[name] = BridgeHeartbeat.model_validate_json(body)
        except ValidationError:
            continue  # of another version: alive, and nothing more is known
    return beats


def _why(row: Row[*tuple[Any, ...]], bridge_id: str, *, room_elsewhere: bool) -> str:
    if row.bridge_id == bridge_id:
        return "waits for its turn" if room_elsewhere else "no room on another bridge"
    if row.state_epoch != row.epoch:
        return f"registering on {row.bridge_id}"
    state, code = GatewayState.read(row.state), row.last_sip_code or "no answer"
    if state.registered:
        return f"registered on {row.bridge_id}; un-registering here"
    if state is GatewayState.SUSPENDED:
        return f"suspended on {row.bridge_id}: refused with {code}"
    if state.refused:
        return f"refused on {row.bridge_id} with {code}"
    return f"registering on {row.bridge_id}"
