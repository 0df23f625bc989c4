"""Step 11 of a call: a human is asked for, one of the restaurant's own or the restaurant.

Only what the restaurant's policy lists is ever dialled; a worker names a target, never a number.
"""

from typing import Final

import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_policy import Destination
from controlplane.bridge.calls.call_signals import RingingEnded
from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.channel import ACCEPT_S, ANNOUNCE_S, RING_S, RING_STARTS_S
from controlplane.bridge.calls.way_out import wait_for_end
from controlplane.contracts.messages import Transfer, TransferFailed, TransferFailure

RINGING_DEADLINE_S: Final = ANNOUNCE_S + RING_S + ACCEPT_S + 10.0
"""It covers the announcement, the ringing, the key, and FreeSWITCH's word that nobody came."""

log = structlog.get_logger()


def transfer(context: CallContext, request: Transfer) -> None:
    """Ring who was asked for. Returns when nobody took the call; the worker has been told."""
    destination = _destination(context, request)
    if destination is None:
        failed(context, TransferFailure.NOT_ALLOWED)
        return
    call = context.call
    context.playback.close()
    with call.way_out:
        call.becomes(CallState.RINGING)
        context.channel.renew_way_out(RING_STARTS_S)
    context.channel.ring(
        destination.dial_string,
        prompt="transfer" if request.target_id is None else "transfer_person",
        warm=destination.warm,
    )
    ending = call.wait(RingingEnded, timeout_s=RINGING_DEADLINE_S)
    if call.state is CallState.WITH_HUMAN:
        wait_for_end(context)
    call.ringing_ended()
    context.playback.open()
    disposition = ending.disposition if isinstance(ending, RingingEnded) else "UNKNOWN"
    failed(context, disposition)


def _destination(context: CallContext, request: Transfer) -> Destination | None:
    """Look up whom to ring; None when it is nobody that may be rung."""
    if request.target_id is not None:
        return context.policy().targets.get(request.target_id)
    dial_string = context.call.fallback_dial
    return Destination(dial_string, warm=False) if dial_string else None


def failed(context: CallContext, cause: str) -> None:
    """Tell the worker, which may be another's by now, that the caller is back."""
    metrics.TRANSFERS_FAILED.labels(cause=cause).inc()
    log.info("transfer_failed", cause=cause)
    if context.call.streaming:
        context.channel.tell_worker(TransferFailed(cause=cause))
