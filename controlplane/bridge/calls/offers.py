"""Step 4 of a call: offer it to the workers through Redis, and receive exactly one claim.

The offer key holds the attempt now on offer; a worker claims by taking that key away (a Lua script
in `aiworker/claim.py`), so an attempt has one winner and a late worker claims nothing.
"""

import time
from contextlib import suppress
from typing import Final

import redis
import structlog

from controlplane.bridge import metrics
from controlplane.contracts import redis_keys
from controlplane.contracts.claim_keys import WITHOUT_KEYS, ClaimKeys
from controlplane.contracts.messages import CallClaim, CallOffer, MessageError

CLAIM_DEADLINE_S: Final = 2.0
"""A warm worker claims within milliseconds; after this the caller is told to wait."""

LAST_INSTANT_S: Final = 0.5
"""A claim made in the moment of withdrawal is on its list already."""

DEMAND_LEASE_S: Final = 30
"""A call that nobody renews leaves the demand the worker pool is scaled on."""

AWAY_S: Final = 5.0
"""A Redis that has not answered for so long is not just restarting: this bridge is cut off from it,
and `bridge_timeout` has passed for whoever is not."""

_WITHDRAW: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('LREM', KEYS[2], 0, ARGV[2])
  return 1
end
return 0
"""

log = structlog.get_logger()


class Offers:
    """The bridge's side of the queue. Every method may raise `redis.RedisError`."""

    def __init__(self, client: "redis.Redis", *, keys: ClaimKeys = WITHOUT_KEYS) -> None:
        self._redis = client
        self._keys = keys
        self._withdraw = client.register_script(_WITHDRAW)
        self.heard_at = time.monotonic()
        """Redis last answered the heartbeat at this time (monotonic seconds)."""

    def heard(self) -> None:
        """Note that Redis has just answered this bridge."""
        self.heard_at = time.monotonic()

    @property
    def away(self) -> bool:
        """Whether Redis has been away for so long that calls are not to wait for it."""
        return time.monotonic() - self.heard_at > AWAY_S

    def make(self, offer: CallOffer) -> None:
        """Put one attempt on offer for `CLAIM_DEADLINE_S` and count the call as demand."""
        with self._redis.pipeline(transaction=True) as pipe:
            key = redis_keys.call_offer(offer.call_id)
            pipe.set(key, offer.attempt, px=int((CLAIM_DEADLINE_S + LAST_INSTANT_S) * 1000))
            pipe.lpush(redis_keys.QUEUE_INCOMING_CALLS, offer.to_json())
            pipe.zadd(redis_keys.CALLS_DEMAND, {str(offer.call_id): time.time() + DEMAND_LEASE_S})
            pipe.execute()

    def await_claim(self, offer: CallOffer) -> CallClaim | None:
        """Wait for the attempt's claim; withdraw the offer at the deadline. None: nobody came."""
        claim = self._pop_claim(offer, CLAIM_DEADLINE_S)
        if claim is None and not self.withdraw(offer):
            claim = self._pop_claim(offer, LAST_INSTANT_S)
        return claim

    def withdraw(self, offer: CallOffer) -> bool:
        """Take the attempt off the queue. False: it was claimed, or has expired."""
        keys = [redis_keys.call_offer(offer.call_id), redis_keys.QUEUE_INCOMING_CALLS]
        return bool(self._withdraw(keys=keys, args=[offer.attempt, offer.to_json()]))

    def give_up(self, offer: CallOffer) -> None:
        """The caller hung up: nobody needs to come. Never raises: the offer expires by itself."""
        with suppress(redis.RedisError):
            self.withdraw(offer)

    def renew_demand(self, call_ids: list[str]) -> None:
        """Keep calls in progress in the demand; call it well within `DEMAND_LEASE_S`."""
        if call_ids:
            expiry = time.time() + DEMAND_LEASE_S
            self._redis.zadd(redis_keys.CALLS_DEMAND, dict.fromkeys(call_ids, expiry))

    def end_demand(self, call_id: str) -> None:
        """The call is over. Never raises: the demand's lease ends by itself."""
        with suppress(redis.RedisError):
            self._redis.zrem(redis_keys.CALLS_DEMAND, call_id)

    def _pop_claim(self, offer: CallOffer, timeout_s: float) -> CallClaim | None:
        deadline = time.monotonic() + timeout_s
        while (left := deadline - time.monotonic()) > 0:
            popped = self._redis.blpop([redis_keys.call_claim(offer.call_id)], timeout=left)
            if popped is None:
                return None
            try:
                claim = CallClaim.model_validate_json(popped[1])
            except ValueError as error:
                raise MessageError("a worker's claim is not a CallClaim") from error
            if self._is_for(offer, claim):
                return claim
        return None

    def _is_for(self, offer: CallOffer, claim: CallClaim) -> bool:
        """Pass over a claim of an earlier attempt, and one that no worker of ours made: the caller
        would be heard by whoever wrote it. The worker's own may come after it.
        """
        if (claim.call_id, claim.attempt) != (offer.call_id, offer.attempt):
            return False
        if self._keys.prove(claim):
            return True
        metrics.CLAIMS_FORGED.inc()
        log.error("claim_forged", call_id=str(offer.call_id), attempt=offer.attempt)
        return False
