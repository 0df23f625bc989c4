"""Tries are bounded by who tries, at once too, for a window that ends; Redis holds hashes only."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from controlplane.errors import ServiceUnavailable
from controlplane.redis_clients import asyncio_redis
from controlplane.restaurants.people_errors import TooManyTries
from controlplane.restaurants.try_limits import Limit, TryLimits

pytestmark = pytest.mark.integration

FIVE = Limit("five", 5, timedelta(minutes=15))


async def test_tries_at_once_are_all_counted_and_a_right_one_is_not(redis: Redis) -> None:
    limits = TryLimits(redis)
    answers = await asyncio.gather(
        *(limits.take(FIVE, "lea@example.fr") for _ in range(12)), return_exceptions=True
    )
    assert sorted(one for one in answers if isinstance(one, int)) == [0, 1, 2, 3, 4]
    refused = [one for one in answers if isinstance(one, TooManyTries)]
    assert len(refused) == 7
    assert all(one.until <= datetime.now(UTC) + FIVE.window for one in refused)
    await limits.take(FIVE, "tom@example.fr")  # somebody else
    for _ in range(8):  # and who is right each time tries without end
        await limits.take(FIVE, "right")
        await limits.give_back(FIVE, "right")
    await limits.give_back(FIVE, "nobody")  # a window that is over
    keys = [key async for key in redis.scan_iter("tries:*")]
    assert len(keys) == 3
    assert not [key for key in keys if "example" in key]
    assert all([0 < await redis.pttl(key) <= 900_000 for key in keys])


async def test_without_redis_nobody_tries_uncounted() -> None:
    away = asyncio_redis("redis://127.0.0.1:1", connect_timeout_s=0.2, timeout_s=0.2)
    with pytest.raises(ServiceUnavailable):
        await TryLimits(away).take(FIVE, "lea@example.fr")
    await away.aclose()
