"""The faults that `alloresto bench faults` knows, and the order in which a run makes them happen.

A round has a few calls at once and either one fault that meets everybody, or one of its own for
each call. So whatever goes wrong in a round has that round's fault as its cause.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

NOTHING: Final = "nothing"
"""The round that is measured without a fault: the machine, not the product, sets its figures."""


class Shared(StrEnum):
    """Faults that meet everybody at one instant."""

    KILL_WORKER = "kill_worker"
    KILL_AGENT = "kill_agent"
    KILL_FREESWITCH = "kill_freeswitch"
    KILL_CONTROLLER = "kill_controller"
    RESTART_REDIS = "restart_redis"
    RESTART_POSTGRES = "restart_postgres"
    DEMOTE_REDIS = "demote_redis"
    """The other server becomes primary; connections stay with the one that was."""
    DEMOTE_POSTGRES = "demote_postgres"
    SLOW_REDIS = "slow_redis"
    """Every answer comes 3 s late, for some seconds."""
    SLOW_POSTGRES = "slow_postgres"
    DISK_FULL = "disk_full"
    """There is no room for the assistant's speech or a voice message, for some seconds."""
    REALTIME_CLOSED = "realtime_closed"
    """Every session is closed with 1011; new ones are taken at once."""
    REALTIME_CUT = "realtime_cut"
    """Every session's TCP connection is gone without a close frame."""
    REALTIME_HANGS = "realtime_hangs"
    """Sessions stay open, nothing passes and no handshake is answered, for some seconds."""
    REALTIME_REFUSES = "realtime_refuses"
    """Every session is closed and new ones are answered with 503, for some seconds."""


class Alone(StrEnum):
    """Faults that meet one call."""

    FRAMES_STOP = "frames_stop"
    """The caller's frames stop in mid-sentence, for some seconds."""
    CREATE_IGNORED = "create_ignored"
    """A `response.create` is never answered."""
    CREATE_REFUSED = "create_refused"
    """A `response.create` is answered by an `error` event."""
    DELTAS_STOP = "deltas_stop"
    """After some audio of a response nothing more of it comes; the session stays open."""


class Mutation(StrEnum):
    """What may happen to one event of the Realtime server on its way."""

    DROP = "drop"
    DELAY = "delay"
    """It comes 8 s late; the events after it pass."""
    DOUBLE = "double"
    SWAP = "swap"
    """The event after it comes first."""


EVENTS: Final = (
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "conversation.item.truncated",
    "conversation.item.input_audio_transcription.delta",
    "conversation.item.input_audio_transcription.completed",
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.done",
    "rate_limits.updated",
)
"""Every type of event a call gets from the Realtime server, but for `error`."""

USUALLY: Final = 4
"""An event that comes again and again is met up to its fourth time: these belong to the turns from
the order to the confirmation."""
SENTENCES: Final = 3
"""A caller says three things."""
LATEST: Final = {
    "session.created": 1,
    "session.updated": 1,
    "response.output_audio.delta": 30,
    "response.output_audio_transcript.delta": 30,
    Alone.FRAMES_STOP: SENTENCES,
}
"""Others are met up to this one: a call of three turns has some forty pieces of sound."""


@dataclass(frozen=True, slots=True)
class CallFault:
    """A fault of one call: `name` as the report has it, `nth` says which event or sentence."""

    name: str
    nth: int = 1

    @property
    def mutation(self) -> Mutation | None:
        """Return what happens to an event; None for a fault of another kind."""
        kind, separator, _ = self.name.partition(":")
        return Mutation(kind) if separator else None

    @property
    def event(self) -> str:
        """Return the type of the event that is met; "" for a fault of another kind."""
        return self.name.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Round:
    """Calls that are made at once: `shared` meets all of them, or each has its own of `alone`."""

    calls: int
    shared: str = NOTHING
    alone: tuple[CallFault, ...] = ()


def names() -> list[str]:
    """Return every fault's name: `kill_worker`, `frames_stop`, `drop:response.done`…"""
    events = [f"{mutation}:{event}" for mutation in Mutation for event in EVENTS]
    return [*Shared, *Alone, *events]


def matching(patterns: Sequence[str]) -> list[str]:
    """Return the names that one of the patterns fits (`kill_*`, `*:response.done`); all for none.

    Raises ValueError naming a pattern that fits nothing.
    """
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names()):
            raise ValueError(pattern)
    return [
        name
        for name in names()
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def rounds(selected: Sequence[str], *, calls: int, at_once: int, seed: int) -> list[Round]:
    """Deal the selected faults to rounds, in a random order that `seed` alone decides.

    The first round has none. Every fault comes once before any comes again, as far as there are
    calls; those that meet everybody take a round each.
    """
    dice = random.Random(seed)
    found = [Round(min(calls, at_once))]
    left = calls - found[0].calls
    shared = [name for name in selected if name in set(Shared)]
    alone = [name for name in selected if name not in shared]
    decks = [deck for deck in (_dealt(shared, dice), _dealt(alone, dice)) if deck is not None]
    weights = [weight for weight in (len(shared) * at_once, len(alone)) if weight]
    while left and decks:
        count = min(left, at_once)
        deck = dice.choices(decks, weights)[0]
        if deck is decks[0] and shared:
            found.append(Round(count, shared=next(deck)))
        else:
            found.append(Round(count, alone=tuple(_of_a_call(deck, dice) for _ in range(count))))
        left -= count
    return found


def _dealt(cards: Sequence[str], dice: random.Random) -> Iterator[str] | None:
    return _shuffled_for_ever(list(cards), dice) if cards else None


def _shuffled_for_ever(cards: list[str], dice: random.Random) -> Iterator[str]:
    while True:
        dice.shuffle(cards)
        yield from list(cards)


def _of_a_call(deck: Iterator[str], dice: random.Random) -> CallFault:
    name = next(deck)
    latest = LATEST.get(name.rpartition(":")[2], USUALLY)
    return CallFault(name, dice.randint(1, latest))
