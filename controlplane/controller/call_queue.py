"""The queue of calls on offer, seen from outside: how long, how old, what leaked.

An entry is on offer as long as its `call_offer` key holds its attempt, 2.5 s at most; the bridge
that waits offers again with another attempt. What is left of a bridge or a worker that died is
therefore told from a live offer without a clock, and taken away by a script that looks once more.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

import structlog
from pydantic import ConfigDict, ValidationError
from redis import Redis

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat
from controlplane.contracts.messages import CallOffer
from controlplane.controller import metrics

ENTRIES_AT_ONCE: Final = 500
"""A turn looks at this many entries of one list, the oldest. More would take a second of Redis's
time."""
SCAN_COUNT: Final = 1_000
UUID_VERSION: Final = 7

_WORKER_OFFERS: Final = tuple(redis_keys.worker_offers("*").split("*"))
_REMOVE_UNLESS_ON_OFFER: Final = """
if redis.call('GET', KEYS[2]) == ARGV[1] then return 0 end
return redis.call('LREM', KEYS[1], 0, ARGV[2])
"""

_logger = structlog.get_logger()


class _AnyOffer(CallOffer):
    """An offer that may come from a newer release: fields we do not know are ignored."""

    model_config = ConfigDict(extra="ignore")


class CallQueue:
    """Watches the queue. `redis` answers in text; every method raises `RedisError`."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._remove = redis.register_script(_REMOVE_UNLESS_ON_OFFER)

    def watch(self) -> None:
        """Measure the queue and drop what nobody offers any more."""
        key = redis_keys.QUEUE_INCOMING_CALLS
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.llen(key)
            pipeline.lrange(key, -ENTRIES_AT_ONCE, -1)
            pipeline.zcount(redis_keys.CALLS_DEMAND, time.time(), "+inf")
            length, oldest, demand = pipeline.execute()
        on_offer, pruned = self._prune(key, oldest)
        metrics.QUEUE_LENGTH.set(length - pruned)
        metrics.QUEUE_OLDEST_AGE.set(max(map(_waited_s, on_offer), default=0.0))
        metrics.CALLS_DEMAND.set(demand)

    def prune_workers(self) -> None:
        """Drop dead offers from the workers' lists, above all from those of workers that died."""
        pattern = redis_keys.worker_offers("*")
        for key in self._redis.scan_iter(match=pattern, count=SCAN_COUNT):
            raws: Any = self._redis.lrange(str(key), -ENTRIES_AT_ONCE, -1)
            self._prune(str(key), raws)
            self._drop_if_dead(str(key))

    def count_calls(self) -> None:
        """Count the calls in progress over all bridges that are heard of now."""
        pattern = redis_keys.bridge_heartbeat("*")
        keys = list(self._redis.scan_iter(match=pattern, count=SCAN_COUNT))
        bodies: Sequence[Any] = self._redis.mget(keys) if keys else ()
        metrics.CALLS_ACTIVE.set(sum(map(_active_calls, bodies)))

    def _prune(self, key: str, raws: Sequence[str]) -> tuple[list[CallOffer], int]:
        """Return the entries on offer, and how many others were removed.

        An entry that can't be read is left to the workers, who drop it: they may understand it.
        """
        offers = [(raw, offer) for raw in raws if (offer := _offer(raw)) is not None]
        keys = [redis_keys.call_offer(offer.call_id) for _, offer in offers]
        attempts: Sequence[Any] = self._redis.mget(keys) if keys else ()
        on_offer: list[CallOffer] = []
        pruned = 0
        for (raw, offer), offer_key, attempt in zip(offers, keys, attempts, strict=True):
            if attempt == str(offer.attempt):
                on_offer.append(offer)
            else:
                pruned += int(self._remove(keys=[key, offer_key], args=[offer.attempt, raw]))
        self._count(pruned)
        return on_offer, pruned

    def _drop_if_dead(self, key: str) -> None:
        """Remove what cannot be read from the list of a worker that died: nobody else would."""
        worker_id = key.removeprefix(_WORKER_OFFERS[0]).removesuffix(_WORKER_OFFERS[1])
        if not self._redis.exists(redis_keys.worker_heartbeat(worker_id)):
            raws: Any = self._redis.lrange(key, -ENTRIES_AT_ONCE, -1)
            unreadable = [raw for raw in raws if _offer(raw) is None]
            self._count(sum(int(self._redis.lrem(key, 0, raw)) for raw in unreadable))

    def _count(self, pruned: int) -> None:
        if pruned:
            metrics.OFFERS_PRUNED.inc(pruned)
            _logger.warning("dead_offers_pruned", count=pruned)


def _offer(raw: str) -> _AnyOffer | None:
    try:
        return _AnyOffer.model_validate_json(raw)
    except ValidationError:
        return None


def _waited_s(offer: CallOffer) -> float:
    """Return the seconds since the call came: the first 48 bits of a UUIDv7 are milliseconds (RFC
    9562 §5.7).

    A resumed call has waited only since its worker died, a moment that is not known here: it counts
    as 0.
    """
    if offer.resumed or offer.call_id.version != UUID_VERSION:
        return 0.0
    return max(0.0, time.time() - (offer.call_id.int >> 80) / 1_000)


def _active_calls(body: str | None) -> int:
    if body is None:
        return 0
    try:
        return max(0, BridgeHeartbeat.model_validate_json(body).active_calls)
    except ValidationError:
        return 0
