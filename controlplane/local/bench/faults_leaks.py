"""What is left of calls after the last of them: slots, claims and state that nobody frees."""

import time
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.contracts.heartbeats import BridgeHeartbeat, WorkerHeartbeat
from controlplane.local.launch import event_socket_probe
from controlplane.local.launch.switch import LocalSwitch

FREED_S: Final = 45.0
"""A bridge lost without a word frees its slot in 30 s."""
POLL_S: Final = 0.5


def wait_for_leaks(redis: Redis, switch: LocalSwitch) -> dict[str, int]:
    """Wait until nothing is left, `FREED_S` at most; return what is, by kind."""
    until = time.monotonic() + FREED_S
    while True:
        try:
            left = {kind: count for kind, count in leaks(redis, switch).items() if count}
        except (RedisError, OSError) as error:
            left = {type(error).__name__: 1}
        if not left or time.monotonic() >= until:
            return left
        time.sleep(POLL_S)


def leaks(redis: Redis, switch: LocalSwitch) -> dict[str, int]:
    """Count what calls hold now. Raises RedisError and OSError."""
    workers, bridges = redis_keys.worker_heartbeat("*"), redis_keys.bridge_heartbeat("*")
    return {
        "worker_slots": _active_calls(redis, WorkerHeartbeat, workers),
        "bridge_calls": _active_calls(redis, BridgeHeartbeat, bridges),
        "offers": _keys(redis, "call:*:offer") + _length(redis, redis_keys.QUEUE_INCOMING_CALLS),
        "claims": _keys(redis, "call:*:claim"),
        "claimed_offers": _keys(redis, redis_keys.worker_offers("*")),
        "demand": int(_answer(redis.zcard(redis_keys.CALLS_DEMAND))),
        "states_without_expiry": sum(
            _answer(redis.ttl(key)) == -1 for key in redis.scan_iter("call:*:state")
        ),
        "channels": _channels(switch),
    }


def _active_calls(
    redis: Redis, kind: type[WorkerHeartbeat] | type[BridgeHeartbeat], pattern: str
) -> int:
    found: list[Any] = [redis.get(key) for key in redis.scan_iter(pattern)]
    return sum(kind.model_validate_json(one).active_calls for one in found if one is not None)


def _keys(redis: Redis, pattern: str) -> int:
    return sum(1 for _ in redis.scan_iter(pattern))


def _length(redis: Redis, key: str) -> int:
    return int(_answer(redis.llen(key)))


def _answer(value: Any) -> int:
    """Narrow redis-py's type, which is of both its clients."""
    return int(value)


def _channels(switch: LocalSwitch) -> int:
    """Count FreeSWITCH's channels: `0 total.` is its answer when there are none."""
    answer = event_socket_probe.api(
        "show channels count", port=switch.esl_port, password=switch.esl_password
    )
    words = answer.split()
    return int(words[0]) if words and words[0].isdigit() else 0
