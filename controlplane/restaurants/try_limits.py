"""How often somebody may try: counted in Redis, for a while, by who tries and on what.

A count is taken before the try, so that tries at once are all counted, and given back when the try
was right. The keys hold hashes: Redis learns neither an address nor who signs in.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from controlplane.contracts import redis_keys
from controlplane.errors import ServiceUnavailable
from controlplane.restaurants.people_errors import TooManyTries


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries within a window that begins with the first."""

    name: str
    most: int
    window: timedelta


LOGIN: Final = Limit("login", 5, timedelta(minutes=15))
"""It counts one e-mail address, from one browser or one address of the network."""
LOGIN_NETWORK: Final = Limit("login_network", 30, timedelta(minutes=15))
"""It counts one address of the network, whoever is tried: a restaurant's people share one."""
CHALLENGE_NETWORK: Final = Limit("challenge_network", 60, timedelta(minutes=5))
"""Passkeys' challenges that one address of the network has made: each is kept for five minutes."""
CONFIRM: Final = Limit("confirm", 5, timedelta(minutes=15))
"""Whoever found a browser open does not guess its user's password."""
RESET: Final = Limit("reset", 3, timedelta(hours=1))
"""It counts one e-mail address: nobody's mailbox is flooded."""
RESET_NETWORK: Final = Limit("reset_network", 10, timedelta(hours=1))
INVITE: Final = Limit("invite", 30, timedelta(hours=1))
"""E-mails that one restaurant's invitations send: who invites, takes back and invites again floods
nobody's mailbox.
"""
PAIR_NETWORK: Final = Limit("pair_network", 10, timedelta(minutes=10))
"""A code has ten digits and lives ten minutes: ten guesses of one address find one of a hundred
open codes once in ten million times."""


_GIVE_BACK: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECR', KEYS[1]) end
"""
"""A window that is over is not begun again."""


class TryLimits:
    """Counts tries. Each method raises `ServiceUnavailable` while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def take(self, limit: Limit, who: str) -> int:
        """Count one try, and return how many are left. Raises `TooManyTries` when there were as
        many as the limit allows.
        """
        key = _key(limit, who)
        window_ms = limit.window // timedelta(milliseconds=1)
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(key, 0, px=window_ms, nx=True)
                pipe.incr(key)
                pipe.pttl(key)
                _, count, left_ms = await pipe.execute()
        except RedisError as error:
            raise ServiceUnavailable("Redis counts no tries") from error
        if count > limit.most:
            raise TooManyTries(datetime.now(UTC) + timedelta(milliseconds=left_ms))
        return limit.most - int(count)

    async def give_back(self, limit: Limit, who: str) -> None:
        """Take the last count back: the try was right. Those before it stay counted."""
        try:
            await self._redis.eval(_GIVE_BACK, 1, _key(limit, who))
        except RedisError as error:
            raise ServiceUnavailable("Redis counts no tries") from error


def _key(limit: Limit, who: str) -> str:
    return redis_keys.tries(limit.name, sha256(who.encode()).hexdigest()[:32])
