"""An offer has one winner: the bridge's end of the queue against the workers' real one, in Valkey.

The bridge's client blocks, as in its greenlets; here it runs in threads.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import pytest
import redis as blocking_redis
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from aiworker.claim import OfferQueue
from aiworker.media.server import MediaServer
from controlplane.bridge.calls.offers import (
    CLAIM_DEADLINE_S,
    DEMAND_LEASE_S,
    LAST_INSTANT_S,
    Offers,
)
from controlplane.bridge.metrics import CLAIMS_FORGED
from controlplane.contracts import redis_keys
from controlplane.contracts.claim_keys import ClaimKeys
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.messages import CallClaim, CallOffer, MessageError
from controlplane.local.launch.ports import free_tcp_port
from tests.waiting import DEADLINE_S, stays_true, until

pytestmark = pytest.mark.integration

SOON_S = 1.0
"""Well within `CLAIM_DEADLINE_S`, on a machine under load."""
_T = TypeVar("_T")


def an_offer(attempt: int = 1, *, call_id: UUID | None = None) -> CallOffer:
    return CallOffer(
        call_id=call_id or new_id(),
        restaurant_id=new_id(),
        bridge_id="bridge-0",
        channel_uuid=new_id(),
        attempt=attempt,
    )


def a_claim(offer: CallOffer, *, attempt: int | None = None) -> CallClaim:
    return CallClaim(
        call_id=offer.call_id,
        attempt=attempt or offer.attempt,
        worker_id="worker-1",
        url="ws://127.0.0.1:9/calls/token",
    )


@pytest.fixture
def client(redis_url: str) -> Iterator[blocking_redis.Redis]:
    with blocking_redis.Redis.from_url(
        redis_url, decode_responses=True, socket_timeout=3.0
    ) as client:
        yield client


@pytest.fixture
def offers(client: blocking_redis.Redis) -> Offers:
    return Offers(client)


@pytest.fixture
async def media() -> AsyncIterator[MediaServer]:
    server = MediaServer(host="127.0.0.1", port=0)
    async with server.listening():
        yield server


async def timed(work: Callable[[], _T]) -> tuple[_T, float]:
    began = time.monotonic()
    result = await asyncio.to_thread(work)
    return result, time.monotonic() - began


async def still_there(redis: Redis, offer: CallOffer) -> dict[str, Any]:
    """What the call has left in Redis."""
    return {
        "offer": await redis.get(redis_keys.call_offer(offer.call_id)),
        "queue": await redis.lrange(redis_keys.QUEUE_INCOMING_CALLS, 0, -1),
        "claims": await redis.llen(redis_keys.call_claim(offer.call_id)),
    }


async def demand(redis: Redis) -> dict[str, float]:
    """Lease expiry by call id."""
    members: list[Any] = await redis.zrange(redis_keys.CALLS_DEMAND, 0, -1, withscores=True)
    return {str(call_id): float(expiry) for call_id, expiry in members}


NOTHING: dict[str, Any] = {"offer": None, "queue": [], "claims": 0}


async def test_an_offer_reaches_a_worker_and_its_claim_the_bridge(
    offers: Offers, redis: Redis, media: MediaServer
) -> None:
    offer = an_offer()
    queue = OfferQueue(redis, worker_id="worker-1")
    offers.make(offer)
    waiting = asyncio.create_task(timed(lambda: offers.await_claim(offer)))
    taken = await queue.next_offer()
    assert taken == offer
    awaited = media.expect_stream()
    assert await queue.claim(taken, awaited)
    claim, waited_s = await waiting
    assert claim == CallClaim(
        call_id=offer.call_id, attempt=1, worker_id="worker-1", url=awaited.url
    )
    assert waited_s < SOON_S
    assert await still_there(redis, offer) == NOTHING


async def test_of_concurrent_claimants_one_wins_and_the_bridge_hears_of_that_one(
    offers: Offers, redis: Redis, media: MediaServer
) -> None:
    """Each worker holds a copy, as after a give-back; five rounds of four workers."""
    for _ in range(5):
        offer = an_offer()
        offers.make(offer)
        queues = [OfferQueue(redis, worker_id=f"worker-{n}") for n in range(4)]
        won = await asyncio.gather(*(q.claim(offer, media.expect_stream()) for q in queues))
        assert sorted(won) == [False, False, False, True]
        claim, _ = await timed(lambda offer=offer: offers.await_claim(offer))  # type: ignore[misc]  # bound now
        assert claim is not None
        assert claim.worker_id == f"worker-{won.index(True)}"
        assert await redis.llen(redis_keys.call_claim(offer.call_id)) == 0


async def test_a_claim_that_no_worker_signed_is_passed_over(
    client: blocking_redis.Redis, redis: Redis, media: MediaServer
) -> None:
    """Somebody with our Redis names a server of their own, for this call and with another call's
    signature; the worker's own claim comes after.
    """
    keys = ClaimKeys.from_text("k" * 32)
    offers, offer, other = Offers(client, keys=keys), an_offer(), an_offer()
    offers.make(offer)
    before = CLAIMS_FORGED._value.get()
    awaited = media.expect_stream()
    assert await OfferQueue(redis, worker_id="worker-1", keys=keys).claim(offer, awaited)
    for forged in (
        a_claim(offer),
        a_claim(offer).model_copy(update={"signature": "0" * 64}),
        keys.sign(a_claim(other)),
    ):
        client.lpush(redis_keys.call_claim(offer.call_id), forged.to_json())
    claim, _ = await timed(lambda: offers.await_claim(offer))
    assert claim is not None
    assert claim.url == awaited.url
    assert (
        CLAIMS_FORGED._value.get() - before == 2
    )  # another call's is an old one's, and no forgery


async def test_a_forger_alone_gets_no_caller(client: blocking_redis.Redis) -> None:
    """The attempt ends without a claim, and the story offers the call again."""
    offers, offer = Offers(client, keys=ClaimKeys.from_text("k" * 32)), an_offer()
    offers.make(offer)
    before = CLAIMS_FORGED._value.get()
    client.delete(redis_keys.call_offer(offer.call_id))  # taken, as the script does it
    client.lpush(redis_keys.call_claim(offer.call_id), a_claim(offer).to_json())
    claim, _ = await timed(lambda: offers.await_claim(offer))
    assert claim is None
    assert CLAIMS_FORGED._value.get() - before == 1


async def test_nobody_comes_and_the_offer_is_gone(offers: Offers, redis: Redis) -> None:
    offer = an_offer()
    other = an_offer()
    offers.make(other)
    offers.make(offer)
    claim, waited_s = await timed(lambda: offers.await_claim(offer))
    assert claim is None
    assert CLAIM_DEADLINE_S - 0.1 <= waited_s < CLAIM_DEADLINE_S + LAST_INSTANT_S + 0.4
    assert await still_there(redis, offer) == {**NOTHING, "queue": [other.to_json()]}


async def test_a_stale_attempt_claims_nothing(
    offers: Offers, redis: Redis, media: MediaServer
) -> None:
    """A worker stood still with attempt 1 in hand while the bridge went on to attempt 2."""
    slow, quick = (OfferQueue(redis, worker_id=name) for name in ("slow", "quick"))
    first = an_offer()
    second = first.model_copy(update={"attempt": 2})
    offers.make(first)
    assert await slow.next_offer() == first
    assert offers.withdraw(first)
    offers.make(second)
    assert not await slow.claim(first, media.expect_stream())
    assert await redis.llen(redis_keys.worker_offers("slow")) == 0
    assert await quick.next_offer() == second
    assert await quick.claim(second, media.expect_stream())
    claim, _ = await timed(lambda: offers.await_claim(second))
    assert claim is not None
    assert (claim.attempt, claim.worker_id) == (2, "quick")


async def test_an_offer_withdrawn_is_claimed_by_nobody(
    offers: Offers, redis: Redis, media: MediaServer
) -> None:
    offer = an_offer()
    queue = OfferQueue(redis, worker_id="worker-1")
    offers.make(offer)
    assert await queue.next_offer() == offer
    assert offers.withdraw(offer)
    assert not offers.withdraw(offer)
    assert not await queue.claim(offer, media.expect_stream())
    assert await still_there(redis, offer) == NOTHING


async def test_an_offer_claimed_is_not_withdrawn(
    offers: Offers, redis: Redis, media: MediaServer
) -> None:
    offer = an_offer()
    offers.make(offer)
    assert await OfferQueue(redis, worker_id="worker-1").claim(offer, media.expect_stream())
    assert not offers.withdraw(offer)
    assert await redis.llen(redis_keys.call_claim(offer.call_id)) == 1


class InTheLastInstant(Offers):
    """A worker claims between the end of the wait and the withdrawal: both really happen."""

    def __init__(self, client: blocking_redis.Redis, claims: Callable[[], None]) -> None:
        super().__init__(client)
        self._claims = claims

    def withdraw(self, offer: CallOffer) -> bool:
        self._claims()
        return super().withdraw(offer)


async def test_a_claim_in_the_instant_of_withdrawal_is_not_lost(
    client: blocking_redis.Redis, redis: Redis, media: MediaServer
) -> None:
    offer = an_offer()
    queue = OfferQueue(redis, worker_id="worker-1")
    loop, awaited = asyncio.get_running_loop(), media.expect_stream()

    def worker_claims() -> None:
        claimed = asyncio.run_coroutine_threadsafe(queue.claim(offer, awaited), loop)
        assert claimed.result(DEADLINE_S)

    offers = InTheLastInstant(client, worker_claims)
    offers.make(offer)
    claim, waited_s = await timed(lambda: offers.await_claim(offer))
    assert claim is not None
    assert claim.worker_id == "worker-1"
    assert CLAIM_DEADLINE_S - 0.1 <= waited_s < CLAIM_DEADLINE_S + LAST_INSTANT_S


async def test_claims_and_withdrawals_at_once_agree_on_who_has_the_call(
    redis_url: str, offers: Offers, redis: Redis, media: MediaServer
) -> None:
    """Either the bridge has the offer back or the worker has the call, never both nor neither."""
    queue = OfferQueue(redis, worker_id="worker-1")
    outcomes = set()
    for turn in range(40):
        offer = an_offer()
        offers.make(offer)
        claim = queue.claim(offer, media.expect_stream())
        withdrawal = asyncio.to_thread(offers.withdraw, offer)
        both = (claim, withdrawal) if turn % 2 else (withdrawal, claim)
        first, second = await asyncio.gather(*both)
        assert first is not second
        claims = await redis.llen(redis_keys.call_claim(offer.call_id))
        assert claims == (first if turn % 2 else second)
        outcomes.add(claims)
    assert outcomes  # which of the two wins is chance; that one does was asserted each time


async def nobody_claims(redis: Redis, offer: CallOffer) -> bool:
    return not await redis.llen(redis_keys.call_claim(offer.call_id))


async def test_a_claim_of_another_attempt_does_not_end_the_wait(
    offers: Offers, redis: Redis, media: MediaServer
) -> None:
    """It was left by a reply Redis lost; the worker that takes this attempt still gets the call."""
    offer = an_offer(attempt=2)
    offers.make(offer)
    await redis.lpush(redis_keys.call_claim(offer.call_id), a_claim(offer, attempt=1).to_json())
    waiting = asyncio.create_task(timed(lambda: offers.await_claim(offer)))
    await until(partial(nobody_claims, redis, offer))
    await stays_true(lambda: not waiting.done(), for_s=0.05)  # a worker's way to the queue
    queue = OfferQueue(redis, worker_id="worker-1")
    won = await queue.claim(offer, media.expect_stream())
    claim, _ = await waiting
    assert won
    assert claim is not None


@pytest.mark.parametrize("garbage", ["", "{}", "not json", '{"attempt":1}'])
async def test_a_claim_that_is_none_is_refused(offers: Offers, redis: Redis, garbage: str) -> None:
    offer = an_offer()
    offers.make(offer)
    await redis.lpush(redis_keys.call_claim(offer.call_id), garbage)
    with pytest.raises(MessageError):
        offers.await_claim(offer)


async def test_demand_is_leased_renewed_and_ended(
    offers: Offers, redis: Redis, media: MediaServer
) -> None:
    first, second = an_offer(), an_offer()
    offers.make(first)
    offers.make(second)
    names = {str(first.call_id), str(second.call_id)}
    assert set(await redis.zrange(redis_keys.CALLS_DEMAND, 0, -1)) == names

    assert await OfferQueue(redis, worker_id="w").claim(first, media.expect_stream())
    offers.withdraw(second)
    scores = await demand(redis)
    assert set(scores) == names, "a call that is served, or waits, is demand all the same"
    assert all(0 < score - time.time() <= DEMAND_LEASE_S for score in scores.values())

    await redis.zadd(redis_keys.CALLS_DEMAND, dict.fromkeys(names, 1.0))
    offers.renew_demand([str(first.call_id)])
    scores = await demand(redis)
    assert scores[str(first.call_id)] > time.time() + DEMAND_LEASE_S - SOON_S
    assert scores[str(second.call_id)] == 1.0
    offers.renew_demand([])

    offers.end_demand(str(first.call_id))
    assert await redis.zrange(redis_keys.CALLS_DEMAND, 0, -1) == [str(second.call_id)]


async def test_a_caller_who_hung_up_leaves_no_offer(offers: Offers, redis: Redis) -> None:
    offer = an_offer()
    offers.make(offer)
    offers.give_up(offer)
    assert await still_there(redis, offer) == NOTHING


async def test_an_offer_nobody_withdrew_expires(offers: Offers, redis: Redis) -> None:
    """The bridge died: a worker that comes later claims nothing."""
    offer = an_offer()
    offers.make(offer)
    lives_ms = await redis.pttl(redis_keys.call_offer(offer.call_id))
    assert 0 < lives_ms <= (CLAIM_DEADLINE_S + LAST_INSTANT_S) * 1_000


def test_without_redis_only_what_may_fail_raises() -> None:
    nowhere = blocking_redis.Redis(
        host="127.0.0.1", port=free_tcp_port(), retry=Retry(NoBackoff(), 1)
    )
    offers, offer = Offers(nowhere), an_offer()
    with pytest.raises(blocking_redis.RedisError):
        offers.make(offer)
    offers.give_up(offer)
    offers.end_demand(str(offer.call_id))
