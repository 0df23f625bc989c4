"""Where a response stands: the legal changes, and how long each state may last.

`NEXT` holds every legal change, `DEADLINES` the longest stay in each state but `IDLE`, where
nothing is waited for. Any event of the server may be missing, late, doubled or out of order: no
state is left by an event alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ResponseState(StrEnum):
    """The states of the one response a session has at a time."""

    IDLE = "idle"
    WANTED = "wanted"
    """It is asked for as soon as the caller leaves the floor."""
    REQUESTED = "requested"
    """`response.create` was sent, and nothing came back."""
    OCCUPIED = "occupied"
    """It was refused: the server still has one in flight that this side is done with."""
    CREATED = "created"
    """The server has it, and it has given nothing yet."""
    SPEAKING = "speaking"
    """Its audio comes."""
    WHOLE = "whole"
    """What it gave, speech or a function call, is whole: another item may follow, or its end."""
    CANCELLED = "cancelled"
    """`response.cancel` was sent, and its end has not come: what it still gives is dropped."""


class Remedy(StrEnum):
    """What is done about a state that lasts too long."""

    ASK = "ask"
    """Ask for it, or ask again; when that was of no use before, give the session up."""
    CANCEL_AND_ASK = "cancel and ask"
    CANCEL = "cancel"
    LEAVE = "leave"
    """Take it for over: should the server have it still, it refuses the next and says so."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A state lasts no longer than this."""

    seconds: float
    remedy: Remedy
    reason: str
    """It names what is missing, in logs and in the metric."""


DEADLINES: Final[dict[ResponseState, Deadline]] = {
    # The caller's turn and an interruption have deadlines of their own; this is longer than both.
    ResponseState.WANTED: Deadline(60.0, Remedy.ASK, "floor_never_free"),
    # `response.created` is one round trip away, whatever the model thinks.
    ResponseState.REQUESTED: Deadline(2.0, Remedy.ASK, "nothing_came_back"),
    # The one in flight is at its end, or was cancelled.
    ResponseState.OCCUPIED: Deadline(2.5, Remedy.CANCEL, "occupied"),
    # A slow model speaks within 5 s; a filler is heard meanwhile.
    ResponseState.CREATED: Deadline(6.0, Remedy.CANCEL_AND_ASK, "no_audio"),
    # Audio comes faster than it is spoken: counted from when all that came was heard.
    ResponseState.SPEAKING: Deadline(3.0, Remedy.CANCEL_AND_ASK, "audio_stopped"),
    # The next item, or the end, follows at once.
    ResponseState.WHOLE: Deadline(1.0, Remedy.LEAVE, "done_lost"),
    # The server ends a cancelled response within one round trip.
    ResponseState.CANCELLED: Deadline(1.0, Remedy.LEAVE, "cancel_unanswered"),
}

_ON_ITS_WAY: Final = {ResponseState.SPEAKING, ResponseState.WHOLE, ResponseState.IDLE}
_OVER: Final = {ResponseState.IDLE, ResponseState.WANTED}

NEXT: Final[dict[ResponseState, frozenset[ResponseState]]] = {
    state: frozenset(after)
    for state, after in {
        # A server that begins one unasked, or goes on with one that was taken for over.
        ResponseState.IDLE: {ResponseState.WANTED, ResponseState.CREATED, *_ON_ITS_WAY},
        ResponseState.WANTED: {
            ResponseState.REQUESTED,
            ResponseState.CREATED,
            *_ON_ITS_WAY,
        },
        ResponseState.REQUESTED: {
            ResponseState.OCCUPIED,
            ResponseState.CREATED,
            ResponseState.CANCELLED,
            ResponseState.WANTED,
            *_ON_ITS_WAY,
        },
        ResponseState.OCCUPIED: {
            ResponseState.CREATED,
            ResponseState.CANCELLED,
            ResponseState.WANTED,
            *_ON_ITS_WAY,
        },
        ResponseState.CREATED: {
            ResponseState.CANCELLED,
            ResponseState.WANTED,
            *_ON_ITS_WAY,
        },
        ResponseState.SPEAKING: {ResponseState.WHOLE, ResponseState.CANCELLED, *_OVER},
        ResponseState.WHOLE: {ResponseState.SPEAKING, ResponseState.CANCELLED, *_OVER},
        # Another response speaks: the end of the cancelled one was lost.
        ResponseState.CANCELLED: {ResponseState.SPEAKING, ResponseState.WHOLE, *_OVER},
    }.items()
}
