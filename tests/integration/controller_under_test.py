"""Runs a leader's placement over real Postgres and Redis, on a clock the test moves."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

from redis import Redis
from sqlalchemy import Engine, func, select, text, update

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat, DrainStep
from controlplane.controller.lease import Lease
from controlplane.controller.nodes import Nodes
from controlplane.controller.placement import Placement
from controlplane.models.nodes import SipBridgeNode
from controlplane.models.sip_registration import SipRegistration
from tests import accounts
from tests.accounts import add_carrier
from tests.waiting import block_elapse, block_until

BRIDGE_TIMEOUT_S = 5.0
STEP_S = 1.0
"""Two looks are this far apart: less than an interruption."""


class Clock:
    """Tells monotonic seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class ControllerUnderTest:
    """Runs one replica. Its bridges beat at each `step` until `silence`d."""

    def __init__(self, client: "Redis", engine: Engine, *, replica_id: str = "one") -> None:
        self.client = client
        self.engine = engine
        self.clock = Clock()
        self.lease = Lease(engine, holder=replica_id)
        self.nodes = Nodes(client, bridge_timeout_s=BRIDGE_TIMEOUT_S, clock=self.clock)
        self.placement = Placement(client, engine, lease=self.lease, nodes=self.nodes)
        self.beats: dict[str, BridgeHeartbeat] = {}

    def beat(self, bridge_id: str, **values: object) -> None:
        """Make this bridge alive from now on."""
        self.beats[bridge_id] = heartbeat(bridge_id, **values)

    def silence(self, *bridge_ids: str) -> None:
        """Make this bridge dead: its heartbeat's TTL has run out."""
        for bridge_id in bridge_ids:
            del self.beats[bridge_id]
            self.client.delete(redis_keys.bridge_heartbeat(bridge_id))

    def turn(self) -> None:
        """Let every bridge beat, and the controller take one turn that looks at everything."""
        for bridge_id, beat in self.beats.items():
            again = beat.model_copy(update={"sent_at": datetime.now(UTC)})
            self.client.set(redis_keys.bridge_heartbeat(bridge_id), again.to_json())
        self.lease.renew()
        self.placement.wake.set()
        self.placement.turn()
        block_until(self._has_looked)

    def _has_looked(self) -> bool:
        """Tell whether the placement has looked, for it rests between two looks."""
        if self.placement.due:
            self.placement.turn()
        return not self.placement.due

    def step(self, seconds: float = STEP_S) -> None:
        """Let time pass, a second at a time."""
        while seconds > 0:
            self.clock.now += min(seconds, STEP_S)
            seconds -= STEP_S
            self.turn()

    def rest(self) -> None:
        """Wait long enough for the pace to allow a handful of moves."""
        block_elapse(0.3, because="the pace counts by Redis's clock")


def heartbeat(bridge_id: str, **values: object) -> BridgeHeartbeat:
    """Make a heartbeat with 200 places, unless said otherwise."""
    fields = {
        "bridge_id": bridge_id,
        "capacity": 200,
        "active_calls": 0,
        "instance": "core",
        "sent_at": datetime.now(UTC),
        **values,
    }
    if fields.pop("draining", False):
        fields["drain"] = DrainStep.MOVING
    return BridgeHeartbeat.model_validate(fields)


def add_account(engine: Engine, *, status: str = "live", count: int = 1) -> UUID:
    """Add so many restaurants; return the id of the last."""
    with engine.begin() as connection:
        add_carrier(connection)
        for _ in range(count):
            restaurant_id = accounts.add_account(connection, status=status)
    return restaurant_id


def places(engine: Engine) -> dict[UUID, tuple[str | None, str | None, int]]:
    """Return owner, former owner and epoch of every restaurant's registration."""
    with engine.connect() as connection:
        return {
            row.restaurant_id: (row.bridge_id, row.former_bridge_id, row.epoch)
            for row in connection.execute(select(SipRegistration.__table__))
        }


def owners(engine: Engine) -> Counter[str | None]:
    """Count how many registrations each bridge owns."""
    return Counter(owner for owner, _, _ in places(engine).values())


def register_all(engine: Engine) -> None:
    """Report REGED for every owner's agent."""
    with engine.begin() as connection:
        connection.execute(
            update(SipRegistration).values(state="REGED", state_epoch=SipRegistration.epoch)
        )


def release_all(engine: Engine) -> None:
    """Give back, for every former owner's agent, what is registered elsewhere."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE sip_registration SET former_bridge_id = NULL"
                " WHERE state = 'REGED' AND state_epoch = epoch"
            )
        )


def request_move(engine: Engine, bridge_id: str) -> None:
    with engine.begin() as connection:
        connection.execute(update(SipRegistration).values(requested_bridge_id=bridge_id))


def request_drain(engine: Engine, bridge_id: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            update(SipBridgeNode)
            .where(SipBridgeNode.id == bridge_id)
            .values(drain_requested_at=func.now())
        )
