"""Which bridges and workers are alive: their heartbeats in Redis, remembered in Postgres."""

import time
from collections.abc import Collection, Sequence
from typing import Any, Final, TypeVar

import structlog
from pydantic import ValidationError
from redis import Redis
from sqlalchemy import Engine, func
from sqlalchemy.dialects.postgresql import insert

from controlplane.contracts import redis_keys
from controlplane.contracts.messages import BridgeHeartbeat, Message, WorkerHeartbeat
from controlplane.controller import metrics
from controlplane.models.nodes import AiWorkerNode, SipBridgeNode

WRITE_EVERY_S: Final = 5.0
"""`last_seen_at` of a node in Postgres is that much late; a new node is written at once."""
MOST_REGISTRATIONS: Final = 200
"""Of one bridge; the table's own bound."""
SCAN_COUNT: Final = 1_000

_Heartbeat = TypeVar("_Heartbeat", bound=Message)

_logger = structlog.get_logger()


class Nodes:
    """The nodes now alive, read again at every turn."""

    def __init__(self, redis: "Redis", engine: Engine) -> None:
        self._redis = redis
        self._engine = engine
        self._written: frozenset[str] = frozenset()
        self._written_at = float("-inf")

    def live(self) -> tuple[BridgeHeartbeat, ...]:
        """Read every heartbeat, remember the nodes, answer with the bridges."""
        bridges = tuple(
            beat
            for beat in self._heartbeats(redis_keys.bridge_heartbeat("*"), BridgeHeartbeat)
            if 1 <= beat.capacity <= MOST_REGISTRATIONS
        )
        workers = self._heartbeats(redis_keys.worker_heartbeat("*"), WorkerHeartbeat)
        metrics.BRIDGES.set(len(bridges))
        metrics.WORKERS.set(len(workers))
        self._remember(bridges, workers)
        return bridges

    def _heartbeats(self, pattern: str, kind: type[_Heartbeat]) -> list[_Heartbeat]:
        keys = list(self._redis.scan_iter(match=pattern, count=SCAN_COUNT))
        bodies: Sequence[Any] = self._redis.mget(keys) if keys else ()
        beats = []
        for body in bodies:
            if body is None:  # its TTL ran out in between
                continue
            try:
                beats.append(kind.model_validate_json(body))
            except ValidationError:
                _logger.warning("heartbeat_unreadable", kind=kind.__name__)
        return beats

    def _remember(
        self, bridges: Collection[BridgeHeartbeat], workers: Collection[WorkerHeartbeat]
    ) -> None:
        names = frozenset(beat.bridge_id for beat in bridges)
        names |= frozenset(beat.worker_id for beat in workers)
        now = time.monotonic()
        if not names or (names <= self._written and now - self._written_at < WRITE_EVERY_S):
            return
        with self._engine.begin() as connection:
            for model, rows in (
                (SipBridgeNode, [_bridge_row(beat) for beat in bridges]),
                (AiWorkerNode, [{"id": beat.worker_id, "slots": beat.slots} for beat in workers]),
            ):
                if not rows:
                    continue
                rows.sort(key=lambda row: str(row["id"]))  # two controllers never deadlock
                statement = insert(model).values(last_seen_at=func.now())
                updated = {name: statement.excluded[name] for name in rows[0] if name != "id"}
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["id"], set_={**updated, "last_seen_at": func.now()}
                    ),
                    rows,
                )
        self._written, self._written_at = names, now


def _bridge_row(beat: BridgeHeartbeat) -> dict[str, Any]:
    return {
        "id": beat.bridge_id,
        "capacity": beat.capacity,
        "instance": beat.instance,
        "sip_address": beat.sip_address,
    }
