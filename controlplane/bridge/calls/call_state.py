"""Where a call stands: who has the caller, whether the greeting is over, whether a worker listens.

The three are independent, so each has its own states instead of one state for every combination: a
worker is found, is lost or asks for a human while the greeting still plays, and a worker may be
lost while a phone rings. `NEXT` holds every legal change of the three.
"""

from enum import StrEnum
from typing import Final, TypeVar

import structlog

from controlplane.bridge import metrics


class CallState(StrEnum):
    """Who has the caller."""

    WITH_US = "with us"
    """The channel is ours: to play on once the greeting is over, to offer to workers at once."""
    RINGING = "ringing"
    """FreeSWITCH rings a human and has the channel (its application `bridge`) meanwhile."""
    WITH_HUMAN = "human"
    """A human took the call: the channel is no longer ours to play on or to cut."""
    WAY_OUT = "way out"
    """The dialplan has the caller: busy message, restaurant's phone, voice message."""
    ENDED = "ended"
    """The channel is gone."""


class GreetingState(StrEnum):
    """Whether the caller has heard who answers."""

    PLAYING = "playing"
    OVER = "over"
    """The channel is parked: what we queue on it is heard."""


class StreamState(StrEnum):
    """Whether a worker has the call's audio."""

    DETACHED = "detached"
    ATTACHED = "attached"


_State = TypeVar("_State", CallState, GreetingState, StreamState)

NEXT: Final[dict[StrEnum, frozenset[StrEnum]]] = {
    CallState.WITH_US: frozenset(
        {CallState.RINGING, CallState.WITH_HUMAN, CallState.WAY_OUT, CallState.ENDED}
    ),
    CallState.RINGING: frozenset({CallState.WITH_US, CallState.WITH_HUMAN, CallState.ENDED}),
    CallState.WAY_OUT: frozenset({CallState.WITH_HUMAN, CallState.ENDED}),
    CallState.WITH_HUMAN: frozenset({CallState.ENDED}),
    CallState.ENDED: frozenset(),
    GreetingState.PLAYING: frozenset({GreetingState.OVER}),
    GreetingState.OVER: frozenset(),
    StreamState.DETACHED: frozenset({StreamState.ATTACHED}),
    StreamState.ATTACHED: frozenset({StreamState.DETACHED}),
}
"""The legal changes. What FreeSWITCH tells of (a human who picks up, the end) is legal from every
state it can be told in: only a mistake of ours can be refused."""

log = structlog.get_logger()


def step(now: _State, new: _State) -> _State:
    """The state that follows: `new`, or `now` when the table does not allow it.

    An illegal change is counted and logged, never raised: the caller must not hear our mistake.
    What comes after the end is no mistake, for callers hang up when they like; it changes nothing.
    """
    if new is now or now is CallState.ENDED:
        return now
    if new in NEXT[now]:
        return new
    metrics.STATE_CHANGES_REFUSED.inc()
    log.error("call_state_refused", state=now.value, refused=new.value)
    return now
