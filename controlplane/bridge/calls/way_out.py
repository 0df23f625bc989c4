"""The dead man's switch: FreeSWITCH takes a call whose agent stops putting its way out off. And the
end of a call that somebody else has: nothing of ours is played on it any more.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Never

import gevent
import structlog

from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_signals import CallEndedError, RingingEnded
from controlplane.bridge.calls.call_state import CallState
from controlplane.bridge.calls.channel import AGENT_LOST, WAY_OUT_EXTENSIONS
from controlplane.contracts.hangup_causes import CallOutcome
from controlplane.esl.errors import EslCommandFailed, EslError
from controlplane.loop import spawn

LOOK_AGAIN_S: Final = 600.0
"""The end of a call is an event; one that was missed is noticed by then."""

ROUND_S: Final = 0.8
"""The next round begins with the next second, whoever has not had an answer by then."""

log = structlog.get_logger()


def renew_way_outs(contexts: Iterable[CallContext]) -> None:
    """Put the way outs of all calls off side by side: as long as one takes, and not one after
    another. A call whose last renewal, or whose taking back, still waits for FreeSWITCH is left to
    that.
    """
    renewals = [
        spawn("way_out", renew_way_out, context)
        for context in contexts
        if not context.call.way_out.locked()
    ]
    gevent.joinall(renewals, timeout=ROUND_S)


def renew_way_out(context: CallContext) -> None:
    """Put it off once more, if the call is one to keep. Never raises: the next turn tries again.

    Not while a phone rings: the dialplan cancelled it, and arms it again when nobody picks up.
    """
    call = context.call
    try:
        with call.way_out:
            if call.parked and call.state is CallState.WITH_US:
                context.channel.renew_way_out()
    except EslError as error:
        log.warning("way_out_not_renewed", error=type(error).__name__)
    except Exception:  # one call's edge: the dialplan must not take the calls renewed after it
        log.exception("way_out_not_renewed")


def take_back(context: CallContext) -> None:
    """Have a call back that the dialplan took for want of an agent, be it that nobody was rung when
    somebody should have been. Raises `EslError`.

    FreeSWITCH is asked first: an agent that hung for long hears of it when the caller has long been
    put through to the restaurant, or speaks their message.
    """
    call = context.call
    with call.way_out, suppress(EslCommandFailed):  # hung up meanwhile
        extension = context.channel.extension()
        if extension in WAY_OUT_EXTENSIONS:
            context.channel.cancel_way_out()
            leave_to_dialplan(context)
        elif extension == AGENT_LOST and call.ours:  # else it goes where it was to be left
            context.channel.take_back()
            if call.state is CallState.RINGING:
                call.ringing_ended()
                call.signal(RingingEnded(disposition="UNKNOWN"))


def leave_to_dialplan(context: CallContext) -> None:
    """Play nothing any more: the dialplan has had the caller for some time."""
    log.warning("way_out_taken_unseen")
    call = context.call
    context.playback.close()
    call.ringing_ended()
    call.becomes(CallState.WAY_OUT)
    call.outcome = CallOutcome.UNSERVED
    call.left_us()


def wait_for_end(context: CallContext) -> Never:
    """Wait until whoever has the caller has ended the call. Raises `CallEndedError`, `EslError`."""
    while True:
        context.call.wait(timeout_s=LOOK_AGAIN_S)
        if not context.channel.exists():
            raise CallEndedError("UNKNOWN")
