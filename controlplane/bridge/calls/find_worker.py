"""Step 4 of a call: a worker is found for it, while its caller is told to wait."""

import time
from typing import Final

import redis
import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_signals import Claimed, QueueLost
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.offers import CLAIM_DEADLINE_S
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.contracts.messages import CallClaim, CallOffer, MessageError
from controlplane.loop import spawn

MAX_WAITING_ATTEMPTS: Final = 15
"""At `CLAIM_DEADLINE_S` each a caller hears "tous nos agents sont occupés" for 30 s at most."""

ATTEMPTS_BETWEEN_MESSAGES: Final = 6
"""The caller hears 12 s of tone, then a voice again."""

MAX_QUEUE_FAILURES: Final = 3
"""A Redis that restarts is back by then; one that is gone is no reason to keep a caller waiting.
When it was gone before, the first failure is enough (`Offers.away`)."""

OFFER_DEADLINE_S: Final = CLAIM_DEADLINE_S + 2.0
"""By then there is a claim, or Redis has said that it cannot."""

log = structlog.get_logger()


def find_worker(context: CallContext) -> CallClaim | None:
    """Offer the call until a worker claims it. None: none did, for 30 s."""
    failures = 0
    for attempt in range(MAX_WAITING_ATTEMPTS):
        answer = offer_once(context)
        if isinstance(answer, Claimed) and answer.claim is not None:
            return answer.claim
        if isinstance(answer, QueueLost):
            failures += 1
        if failures == MAX_QUEUE_FAILURES or (failures and context.offers.away):
            break
        if attempt % ATTEMPTS_BETWEEN_MESSAGES == 0:
            keep_waiting(context, prompt="still_waiting" if attempt else "busy")
        if isinstance(answer, QueueLost):
            context.call.wait(timeout_s=CLAIM_DEADLINE_S)
    log.warning("no_worker_claimed", attempts=context.call.attempt, queue_failures=failures)
    return None


def offer_once(context: CallContext) -> Claimed | QueueLost:
    """Make one attempt, given up when the caller hangs up."""
    offer = next_offer(context)
    waiting = spawn("offer", offer_and_wait, context, offer)
    claimed = False
    try:
        answer = answer_to(offer, context.call)
        claimed = isinstance(answer, Claimed) and answer.claim is not None
        return answer
    finally:
        waiting.kill(block=False)
        if not claimed:
            spawn("give_up_offer", context.offers.give_up, offer)


def next_offer(context: CallContext) -> CallOffer:
    """The call's next attempt."""
    call = context.call
    call.attempt += 1
    return CallOffer(
        call_id=call.call_id,
        restaurant_id=call.restaurant_id,
        bridge_id=context.bridge_id,
        channel_uuid=call.channel_uuid,
        attempt=call.attempt,
        caller_number=call.caller_number,
        resumed=call.worker_id is not None,
    )


def offer_and_wait(context: CallContext, offer: CallOffer) -> None:
    """Put it on the queue and tell the story what came of it, in a greenlet of its own."""
    try:
        context.offers.make(offer)
        context.call.signal(Claimed(offer.attempt, context.offers.await_claim(offer)))
    except (redis.RedisError, MessageError) as error:
        log.warning("offer_failed", error=type(error).__name__)
        context.call.signal(QueueLost())


def answer_to(offer: CallOffer, call: IncomingCall) -> Claimed | QueueLost:
    """Wait for the answer to this attempt; one to an earlier attempt is dropped."""
    deadline = time.monotonic() + OFFER_DEADLINE_S
    while (left := deadline - time.monotonic()) > 0:
        answer = call.wait(Claimed, QueueLost, timeout_s=left)
        if isinstance(answer, QueueLost):
            return answer
        if isinstance(answer, Claimed) and answer.attempt == offer.attempt:
            return answer
    return QueueLost()


def keep_waiting(context: CallContext, *, prompt: str) -> None:
    """Say "tous nos agents sont occupés", once the greeting is over, then play a soft tone until
    somebody comes.
    """
    metrics.CALLS_KEPT_WAITING.inc()
    context.call.outcome = CallOutcome.UNSERVED
    context.call.waiting_prompt = prompt
    if context.call.parked:
        context.channel.fill_silence(prompt=prompt)
