"""Every Redis key and channel name. Nothing else in the project spells one.

Calls and restaurants are named by their UUID, bridges and workers by their node name.
"""

from typing import Final
from uuid import UUID

QUEUE_INCOMING_CALLS: Final = "queue:incoming_calls"
"""List of `CallOffer` JSON: bridges LPUSH, workers BLMOVE from the right."""

CALLS_DEMAND: Final = "calls:demand"
"""Zset the worker pool is scaled on: member = call id, score = lease expiry in Unix seconds."""

CALL_EVENTS: Final = "stream:call_events"
"""Stream of call events (field `event` = JSON), read by the controller's recorder."""

MAX_CALL_EVENTS: Final = 200_000
"""Entries that stream keeps, about, while no recorder reads it: 4,500 calls of 44 facts. They are
75 MB; more would take the memory that calls on offer need, so the oldest facts go instead."""

CALL_EVENTS_DEAD: Final = "stream:call_events:dead"
"""Stream of entries the recorder could not record: `entry` = its id, `reason`, `event`."""


def call_offer(call_id: UUID) -> str:
    """String = the attempt number now on offer. Absent: the call is taken, or no longer offered."""
    return f"call:{call_id}:offer"


def call_claim(call_id: UUID) -> str:
    """List on which the bridge waits for the one `CallClaim` of the attempt on offer."""
    return f"call:{call_id}:claim"


def call_state(call_id: UUID) -> str:
    """String = what another worker needs to resume the call: cart, revision, transcript tail."""
    return f"call:{call_id}:state"


def worker_offers(worker_id: str) -> str:
    """List a worker moves offers into, so that no offer exists only in a process's memory."""
    return f"worker:{worker_id}:offers"


def worker_heartbeat(worker_id: str) -> str:
    """String with a TTL = `WorkerHeartbeat` JSON."""
    return f"worker:{worker_id}:heartbeat"


def bridge_heartbeat(bridge_id: str) -> str:
    """String with a TTL = `BridgeHeartbeat` JSON."""
    return f"bridge:{bridge_id}:heartbeat"


HEARTBEATS: Final = "*:heartbeat"
"""Pattern of both, for one look through all keys."""


def bridge_assignments(bridge_id: str) -> str:
    """PUB/SUB channel: any message means "read your registrations in Postgres again"."""
    return f"bridge:{bridge_id}:assignments"


CONFIG_GENERATION: Final = "restaurants:config_generation"
"""Counter raised with every invalidation. Who writes a config into the cache checks that it is
still what it was before reading Postgres: an old menu never overwrites its invalidation. Absent:
no controller watches for changes yet, and nothing is cached."""


def carrier_pace(carrier_id: str) -> str:
    """String = when the carrier's next REGISTER may leave (GCRA, ms of Redis's clock)."""
    return f"carrier:{carrier_id}:pace"


def restaurant_config(restaurant_id: UUID | str) -> str:
    """String with a TTL of 5 min = `RestaurantConfig` JSON, rebuilt from Postgres on a miss."""
    return f"restaurant:{restaurant_id}:config"
