"""When each turn of a call was spoken, as far as what is recorded tells. Pure.

A turn is recorded at its end. How long the assistant was heard is known; how long its caller spoke,
and how long what was cut would have been, is taken from their words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from controlplane.models.call import CallTurn

LETTER_MS: Final = 65
"""People say fifteen letters a second on the telephone."""
SHORTEST_MS: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A turn and where it lies in the call, in ms from its answer."""

    turn: CallTurn
    from_ms: int
    to_ms: int
    lost_to_ms: int | None
    """What was cut would have lasted until then; None: all of it was heard."""


def moments(started_at: datetime, turns: Sequence[CallTurn]) -> list[Moment]:
    """Place the turns, which are in the order in which they began, one after another."""
    placed: list[Moment] = []
    for turn in reversed(turns):
        following = placed[-1].from_ms if placed else None
        placed.append(_moment(started_at, turn, following))
    return placed[::-1]


def _moment(started_at: datetime, turn: CallTurn, following: int | None) -> Moment:
    """`following` is when the next turn begins: often before a caller's words are known."""
    end = max(0, round((turn.at - started_at).total_seconds() * 1_000))
    if turn.role == "tool":
        at = end if following is None else min(end, following)
        return Moment(turn=turn, from_ms=at, to_ms=at, lost_to_ms=None)
    if turn.role == "caller":
        end = end if following is None else min(end, following)
        length = max(SHORTEST_MS, len(turn.text) * LETTER_MS)
    else:
        length = turn.heard_ms or 0
    begin = max(0, end - length)
    if following is not None:
        begin = min(begin, following)
    lost = end + len(turn.unheard) * LETTER_MS if turn.unheard else None
    return Moment(turn=turn, from_ms=begin, to_ms=end, lost_to_ms=lost)
