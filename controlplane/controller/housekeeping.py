"""Deletes what would otherwise grow for ever: the demand of dead bridges, old rows, pods of another
day.

Any number of controllers may do it at once. A turn's work is bounded: a table that was forgotten
for a month is emptied over some hours, a little at a time.
"""

import time
from datetime import timedelta
from typing import Final

import structlog
from redis import Redis
from sqlalchemy import Engine, text

from controlplane.contracts import redis_keys
from controlplane.controller import metrics

KEEP_OUTBOX: Final = timedelta(days=3)
"""A kitchen page that was away longer shows none of those orders any more."""
KEEP_NODES: Final = timedelta(days=1)
"""Pods have a new name at every start, so their rows pile up."""
KEEP_REGISTRATION_EVENTS: Final = timedelta(days=7)
"""This is long enough to ask why a restaurant could not be reached last weekend."""
KEEP_VOICE_MESSAGES: Final = timedelta(days=30)
"""A caller's voice and number are kept no longer than the restaurant needs to call back."""

BATCH_ROWS: Final = 1_000
"""One transaction deletes this many rows, which takes far less than the statement's deadline, even
with recordings."""
MOST_BATCHES: Final = 50
"""One turn deletes this many batches of one table."""

_STALE: Final = (
    ("voice_message", "recorded_at < now() - :age", KEEP_VOICE_MESSAGES),
    ("event_outbox", "created_at < now() - :age", KEEP_OUTBOX),
    ("sip_registration_event", "at < now() - :age", KEEP_REGISTRATION_EVENTS),
    ("ai_worker_node", "last_seen_at < now() - :age", KEEP_NODES),
    (
        "sip_bridge_node",
        "last_seen_at < now() - :age AND NOT EXISTS (SELECT FROM sip_registration r"
        " WHERE sip_bridge_node.id IN"
        " (r.bridge_id, r.former_bridge_id, r.requested_bridge_id))",
        KEEP_NODES,
    ),
)

_logger = structlog.get_logger()


def prune_demand(redis: Redis) -> int:
    """Forget calls whose lease in `calls:demand` ran out: their bridge died with them."""
    pruned = int(redis.zremrangebyscore(redis_keys.CALLS_DEMAND, "-inf", f"({time.time()}"))
    if pruned:
        metrics.DEMAND_PRUNED.inc(pruned)
        _logger.warning("demand_leases_expired", count=pruned)
    return pruned


def prune_tables(engine: Engine) -> None:
    """Delete rows nobody will read again, at most `MOST_BATCHES` × `BATCH_ROWS` of each table."""
    for table, stale, age in _STALE:
        # By its place in the table: a row changed in between has another, and stays.
        statement = text(
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("
            f"SELECT ctid FROM {table} WHERE {stale} LIMIT {BATCH_ROWS}))"
        )
        for _ in range(MOST_BATCHES):
            with engine.begin() as connection:
                deleted = connection.execute(statement, {"age": age}).rowcount
            metrics.ROWS_PRUNED.labels(table).inc(deleted)
            if deleted < BATCH_ROWS:
                break
