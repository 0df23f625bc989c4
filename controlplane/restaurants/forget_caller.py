"""A caller is forgotten in Postgres and in Redis: in both or, should either be away, in neither."""

import asyncio
from collections.abc import Sequence
from typing import Final

from redis import Redis, RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.errors import ServiceUnavailable
from controlplane.models.restaurant import Restaurant
from controlplane.redis_clients import sync_redis
from controlplane.restaurants.audit import ADMIN
from controlplane.restaurants.certify_erasure import CertifiedErasure, erase_and_certify
from controlplane.restaurants.erase_caller import Erased
from controlplane.restaurants.erase_events import erase_events
from controlplane.secret_box import SecretBox

REDIS_DEADLINE_S: Final = 10.0
"""One answer of Redis is waited for so long: entries are read by the thousand."""


async def forget_caller(
    session: AsyncSession,
    box: SecretBox,
    redis_url: str,
    restaurants: Sequence[Restaurant],
    number: str,
    *,
    actor: str = ADMIN,
) -> tuple[CertifiedErasure, int]:
    """What was erased, and how many entries in Redis; the caller of this commits.

    Raises what `erase_and_certify` and `erase_events` raise, and `ServiceUnavailable`.
    """
    done = await erase_and_certify(session, box, restaurants, number, actor=actor)
    return done, await asyncio.to_thread(_erase_in_redis, redis_url, done.erased)


def _erase_in_redis(redis_url: str, report: Erased) -> int:
    redis: Redis = sync_redis(redis_url, timeout_s=REDIS_DEADLINE_S)
    try:
        return erase_events(
            redis,
            number=report.number,
            call_ids=report.call_ids,
            restaurant_ids=report.restaurant_ids,
        )
    except RedisError as error:
        raise ServiceUnavailable("Redis does not answer at REDIS_URL: nothing is erased") from error
    finally:
        redis.close()
