"""Step 3 of a call: how many calls its restaurant takes, whoever calls. Over a limit the caller is
asked for a message.

`admission.py` refuses single callers, and knows whom it spares; these limits spare nobody. What a
whole bridge carries is another limit, and not this one's.

Calls at once are the bridge's own, which knows them again after a restart. An hour's calls and a
day's minutes are in Redis, for a restart and a move to another bridge must not begin them anew. A
bridge also remembers what it counted itself: that is never more than the truth, so it counts even
while Redis is away, or was emptied.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import gevent
import redis
import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.call_policy import CallPolicy
from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.contracts import redis_keys
from controlplane.loop import run_loop

HOUR: Final = timedelta(hours=1)
DAY_KEPT_S: Final = 2 * 86_400
"""By then the day is over in every time zone."""

COUNTS_DEADLINE_S: Final = 0.5
"""Redis answers in under 1 ms; the caller hears the greeting meanwhile."""

COUNT_EVERY_S: Final = 5.0
"""An agent that dies forgets no more than this of each call."""

MESSAGES_AT_ONCE: Final = 12
"""Each is a session of the bridge for more than a minute: a flood of one restaurant, two calls a
second, would take all there are, and FreeSWITCH say 503 to everybody's callers."""

_TAKE: Final = """
local calls, ai_ms = KEYS[1], KEYS[2]
local call, now, hour_s = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local an_hour, ai_ms_a_day = tonumber(ARGV[4]), tonumber(ARGV[5])
if redis.call('ZSCORE', calls, call) then return '' end
if tonumber(redis.call('GET', ai_ms) or '0') >= ai_ms_a_day then return 'ai_minutes' end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', now - hour_s)
if redis.call('ZCARD', calls) >= an_hour then return 'an_hour' end
redis.call('ZADD', calls, now, call)
redis.call('EXPIRE', calls, hour_s)
return ''
"""
"""Takes a call, or says which limit it is over. A call taken already is not counted twice: the
client asks again when a connection ends before the answer."""

log = structlog.get_logger()


class Limit(StrEnum):
    """Which limit of its restaurant a call is over; a metric's label."""

    AT_ONCE = "at_once"
    AN_HOUR = "an_hour"
    AI_MINUTES = "ai_minutes"


class CountsUnread(Exception):
    """Raised when Redis did not answer within `COUNTS_DEADLINE_S`. No class that redis-py knows:
    it would ask again by itself.
    """


@dataclass(slots=True)
class _Counted:
    """What this bridge itself counted of one restaurant."""

    calls: deque[datetime] = field(default_factory=deque)
    """When it took a call; no more than the limit of an hour."""
    day: date = date.min
    ai_s: float = 0.0
    """Workers were on its calls so long on `day`."""

    def over(self, policy: CallPolicy, now: datetime) -> Limit | None:
        while self.calls and self.calls[0] <= now - HOUR:
            self.calls.popleft()
        limits = policy.limits
        if self.day == _day(policy, now) and self.ai_s >= limits.ai_minutes_a_day * 60:
            return Limit.AI_MINUTES
        return Limit.AN_HOUR if len(self.calls) >= limits.an_hour else None

    def add_ai(self, seconds: float, *, day: date) -> None:
        if day != self.day:
            self.day, self.ai_s = day, 0.0
        self.ai_s += seconds


class RestaurantLimits:
    """Counts what each restaurant of this bridge takes, and says when it is enough."""

    def __init__(
        self,
        client: "redis.Redis",
        *,
        calls: Callable[[], list[IncomingCall]],
        policy_of: Callable[[UUID], CallPolicy],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`calls` are this bridge's, the oldest first."""
        self._redis = client
        self._take = client.register_script(_TAKE)
        self._calls = calls
        self._policy_of = policy_of
        self._now = now
        self._counted: defaultdict[UUID, _Counted] = defaultdict(_Counted)
        self._unsent_ms: Counter[tuple[UUID, date]] = Counter()
        """Redis has not been told of these yet; one entry a restaurant and day it is away."""
        self._looked_at = time.monotonic()
        for limit in Limit:  # a series that begins at 1 has no increase
            metrics.CALLS_OVER_LIMIT.labels(limit=limit.value)

    def over(self, call: IncomingCall) -> Limit | None:
        """Say which limit a new call is over; None when it is taken, and counted."""
        policy, now = self._policy_of(call.restaurant_id), self._now()
        if self._before(call) >= policy.limits.at_once:
            return Limit.AT_ONCE
        counted = self._counted[call.restaurant_id]
        limit = counted.over(policy, now) or self._over_in_redis(call, policy, now)
        if limit is None:
            counted.calls.append(now)
        return limit

    def takes_message(self, call: IncomingCall) -> bool:
        """Say whether a caller over a limit is asked for a message: not while many are."""
        leaving = sum(
            other.state is CallState.WAY_OUT and other.restaurant_id == call.restaurant_id
            for other in self._calls()
            if other is not call
        )
        return leaving < MESSAGES_AT_ONCE

    def _before(self, call: IncomingCall) -> int:
        """How many of the restaurant's calls came before this one and have, or want, a worker."""
        before = 0
        for other in self._calls():
            if other is call:
                break
            before += other.ours and other.restaurant_id == call.restaurant_id
        return before

    def _over_in_redis(self, call: IncomingCall, policy: CallPolicy, now: datetime) -> Limit | None:
        """Ask what all bridges counted. None without an answer: nobody is refused for that."""
        keys = [
            redis_keys.restaurant_calls(call.restaurant_id),
            redis_keys.restaurant_ai_ms(call.restaurant_id, _day(policy, now)),
        ]
        limits = policy.limits
        hour_s, ai_ms = round(HOUR.total_seconds()), limits.ai_minutes_a_day * 60_000
        arguments: list[str | float] = [
            str(call.call_id),
            now.timestamp(),
            hour_s,
            limits.an_hour,
            ai_ms,
        ]
        try:
            with gevent.Timeout(COUNTS_DEADLINE_S, CountsUnread):
                answer = self._take(keys=keys, args=arguments)
        except (redis.RedisError, CountsUnread) as error:
            log.warning("call_counts_unread", error=type(error).__name__)
            return None
        return Limit(answer) if answer else None

    def run(self) -> None:
        """Count the minutes workers are on calls, for as long as the process lives."""
        run_loop(
            "ai_minutes", self.count_minutes, every_s=COUNT_EVERY_S, failures=metrics.LOOP_FAILURES
        )

    def count_minutes(self) -> None:
        """Count the time since the last look for each call that has a worker now, and tell Redis.

        A call shorter than a turn counts as a whole turn or not at all: over a day that evens out.
        Raises `redis.RedisError`; what Redis was not told it is told later, twice by a connection
        that ended before the answer.
        """
        looked_at, self._looked_at = self._looked_at, time.monotonic()
        seconds = self._looked_at - looked_at
        for call in self._calls():
            if call.streaming:
                day = _day(self._policy_of(call.restaurant_id), self._now())
                self._counted[call.restaurant_id].add_ai(seconds, day=day)
                self._unsent_ms[call.restaurant_id, day] += round(seconds * 1_000)
        self._send()

    def _send(self) -> None:
        if not self._unsent_ms:
            return
        sending, self._unsent_ms = self._unsent_ms, Counter()
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for (restaurant_id, day), ms in sending.items():
                    key = redis_keys.restaurant_ai_ms(restaurant_id, day)
                    pipe.incrby(key, ms)
                    pipe.expire(key, DAY_KEPT_S)
                pipe.execute()
        except redis.RedisError:
            self._unsent_ms.update(sending)
            raise


def _day(policy: CallPolicy, now: datetime) -> date:
    return now.astimezone(policy.zone).date()
