"""What would grow for ever unpruned: demand of dead bridges, old outbox rows, old pods."""

import time
from datetime import timedelta
from typing import Final

import structlog
from redis import Redis
from sqlalchemy import Engine, delete, func

from controlplane.contracts import redis_keys
from controlplane.controller import metrics
from controlplane.models.event_outbox import EventOutbox
from controlplane.models.nodes import AiWorkerNode

KEEP_OUTBOX: Final = timedelta(days=3)
"""A kitchen page that was away longer shows none of those orders any more."""
KEEP_WORKERS: Final = timedelta(days=1)
"""Pods have a new name every time."""

_logger = structlog.get_logger()


def prune_demand(redis: "Redis") -> int:
    """Forget calls whose lease in `calls:demand` ran out: their bridge died with them."""
    pruned = int(redis.zremrangebyscore(redis_keys.CALLS_DEMAND, "-inf", f"({time.time()}"))
    if pruned:
        metrics.DEMAND_PRUNED.inc(pruned)
        _logger.warning("demand_leases_expired", count=pruned)
    return pruned


def prune_tables(engine: Engine) -> None:
    """Delete outbox rows and worker rows nobody will read again."""
    with engine.begin() as connection:
        connection.execute(
            delete(EventOutbox).where(EventOutbox.created_at < func.now() - KEEP_OUTBOX)
        )
        connection.execute(
            delete(AiWorkerNode).where(AiWorkerNode.last_seen_at < func.now() - KEEP_WORKERS)
        )
