"""Limits how many REGISTERs leave for one carrier, over all bridges: carriers ban bursts.

GCRA in Redis, by Redis's clock. A bridge holds one place of a carrier's row at a time, so a bridge
that dies takes at most one place with it, and the whole rate serves a failover. FreeSWITCH itself
sends at its profile's next 1 s tick: the rate is true over a second, not within it.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final

import gevent
import redis
import structlog
from gevent.lock import BoundedSemaphore

from controlplane.bridge import metrics
from controlplane.contracts import redis_keys

LATE_MS: Final = 200
"""How late a bridge may come for its place without losing it: about a round trip and a timer."""
MAX_AHEAD_MS: Final = 600_000
"""500 bridges in a row at 1 a second; more means that Redis's clock was set back."""
LOCAL_SHARE: Final = 0.2
"""A bridge takes this share of the carrier's rate while Redis is away: five bridges share most."""
REDIS_PAUSE_S: Final = 5.0
"""After a failure Redis is not asked: its deadlines would be the pace."""

_SCRIPT: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local interval, late, ahead = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local at = tonumber(redis.call('GET', KEYS[1]) or '0')
if at - now > ahead then at = now end
if at < now - late then at = now - late end
redis.call('SET', KEYS[1], string.format('%.3f', at + interval),
    'PX', math.ceil(math.max(0, at - now) + interval + 1000))
return math.max(0, math.ceil(at - now))
"""

log = structlog.get_logger()


class RegisterPace:
    """Keeps a carrier's pace: `wait` returns when one REGISTER may leave."""

    def __init__(
        self, client: redis.Redis, *, sleep: Callable[[float], object] = gevent.sleep
    ) -> None:
        self._script = client.register_script(_SCRIPT)
        self._sleep = sleep
        self._turns: dict[str, BoundedSemaphore] = {}
        self._local: dict[str, float] = {}
        self._redis_again_at = 0.0

    def wait(self, carrier_id: str, per_second: int) -> None:
        """Wait for a turn. It never raises: without Redis the pace is our own, and slower."""
        began = monotonic()
        with self._turns.setdefault(carrier_id, BoundedSemaphore(1)):
            self._sleep(self._delay_s(carrier_id, per_second))
        metrics.PACE_WAIT.observe(monotonic() - began)

    def _delay_s(self, carrier_id: str, per_second: int) -> float:
        if monotonic() >= self._redis_again_at:
            try:
                return self._redis_delay_s(carrier_id, per_second)
            except redis.RedisError as error:
                log.warning("pace_is_local", carrier=carrier_id, error=type(error).__name__)
                self._redis_again_at = monotonic() + REDIS_PAUSE_S
        return self._local_delay_s(carrier_id, per_second)

    def _redis_delay_s(self, carrier_id: str, per_second: int) -> float:
        arguments = [1_000 / per_second, LATE_MS, MAX_AHEAD_MS]
        delay = self._script(keys=[redis_keys.carrier_pace(carrier_id)], args=arguments)
        return int(delay) / 1_000

    def _local_delay_s(self, carrier_id: str, per_second: int) -> float:
        now = monotonic()
        at = max(now, self._local.get(carrier_id, now))
        self._local[carrier_id] = at + 1 / (per_second * LOCAL_SHARE)
        return at - now
