"""Step 4 of a call: a worker takes it; it is never lost between pop and answer, nor taken twice.

An offer moves atomically into this worker's own list (BLMOVE), so it never exists only in memory.
A Lua script then takes the attempt if it is still the one on offer, and answers the bridge in the
same step. A bridge that gets no claim in 2 s offers the call again with a higher attempt, and a
claim of the older one is refused here.
"""

import asyncio
import random

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from aiworker.media.server import AwaitedStream
from aiworker.metrics import CLAIMS, ERRORS
from controlplane.contracts import redis_keys
from controlplane.contracts.claim_keys import WITHOUT_KEYS, ClaimKeys
from controlplane.contracts.messages import CallClaim, CallOffer

log = structlog.get_logger()

POLL_SECONDS = 1
"""A BLMOVE blocks no longer, for a drain waits for the claim loop to end."""
_CLAIM_EXPIRY_MS = 10_000
"""A claim nobody reads is gone after this; the bridge waits 2 s for it."""
_BACKOFF_FIRST_SECONDS = 0.1
_BACKOFF_MOST_SECONDS = 2.0
"""Redis back after an outage is used within this; less would hammer a server that restarts."""

_TAKE_ATTEMPT = """
redis.call('LREM', KEYS[3], 0, ARGV[3])
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('LPUSH', KEYS[2], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
"""


class OfferQueue:
    """It is this worker's end of `queue:incoming_calls`."""

    def __init__(self, redis: Redis, *, worker_id: str, keys: ClaimKeys = WITHOUT_KEYS) -> None:
        self._redis = redis
        self._keys = keys
        self._worker_id = worker_id
        self._own = redis_keys.worker_offers(worker_id)
        self._take = redis.register_script(_TAKE_ATTEMPT)
        self._failures = 0
        self._taken: str | None = None
        """This offer is being decided on; the text is what stands in this worker's list."""

    async def next_offer(self) -> CallOffer | None:
        """Wait at most `POLL_SECONDS` for an offer; None when there was none or Redis is down.

        The offer stays in this worker's list until `claim` or `give_back`.
        """
        try:
            if self._failures:
                await self._return_leftovers()
            taken = await self._redis.blmove(
                redis_keys.QUEUE_INCOMING_CALLS, self._own, POLL_SECONDS, src="RIGHT", dest="LEFT"
            )
            self._taken = taken.decode() if isinstance(taken, bytes) else taken
            self._failures = 0
            return await self._read(self._taken) if self._taken is not None else None
        except (RedisError, OSError) as error:
            await self._back_off(error)
            return None

    async def claim(self, offer: CallOffer, awaited: AwaitedStream) -> bool:
        """Take the attempt and tell the bridge which stream is awaited. False: another has it.

        When Redis fails in the middle nobody knows who won: True, and the stream comes in time or
        not.
        """
        claim = CallClaim(
            call_id=offer.call_id, attempt=offer.attempt, worker_id=self._worker_id, url=awaited.url
        )
        try:
            won = await self._take(
                keys=[
                    redis_keys.call_offer(offer.call_id),
                    redis_keys.call_claim(offer.call_id),
                    self._own,
                ],
                args=[
                    offer.attempt,
                    self._keys.sign(claim).to_json(),
                    self._taken or "",
                    _CLAIM_EXPIRY_MS,
                ],
            )
        except (RedisError, OSError) as error:
            log.warning("claim_unanswered", call_id=str(offer.call_id), error=type(error).__name__)
            CLAIMS.labels(result="unanswered").inc()
            return True
        CLAIMS.labels(result="won" if won else "lost").inc()
        return bool(won)

    async def give_back(self) -> None:
        """Return whatever is in this worker's list to the head of the queue. Best effort."""
        try:
            await self._return_leftovers()
        except (RedisError, OSError) as error:
            log.warning("offers_not_returned", error=type(error).__name__)

    async def _return_leftovers(self) -> None:
        """A stale attempt among them is harmless: its claim is refused."""
        while await self._redis.lmove(
            self._own, redis_keys.QUEUE_INCOMING_CALLS, src="LEFT", dest="RIGHT"
        ):
            log.info("offer_returned")

    async def _read(self, raw: str) -> CallOffer | None:
        try:
            return CallOffer.model_validate_json(raw)
        except ValidationError as error:
            CLAIMS.labels(result="unreadable").inc()
            log.error("offer_unreadable", problems=error.error_count())
            await self._redis.lrem(self._own, 0, raw)
            return None

    async def _back_off(self, error: Exception) -> None:
        if self._failures == 0:
            log.error("redis_unavailable", error=type(error).__name__)
        ERRORS.labels(kind="redis").inc()
        longest = min(_BACKOFF_MOST_SECONDS, _BACKOFF_FIRST_SECONDS * 2 ** min(self._failures, 8))
        self._failures += 1
        await asyncio.sleep(random.uniform(longest / 2, longest))
