"""The record, and a worker that resumes, need what was said in a call as far as it was heard."""

from bisect import insort
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, Literal

from controlplane.contracts.clean_text import CleanText
from controlplane.contracts.messages import Message

TAIL_TURNS: Final = 12
"""A new session is told so many: enough to go on, few enough to be quick."""
_LONGEST_TURN: Final = 1_000

Role = Literal["caller", "agent"]


class SaidTurn(Message):
    """It is one turn of the tail."""

    role: Role
    text: CleanText


@dataclass(slots=True)
class Transcript:
    """It numbers the turns of a call, and keeps the last ones."""

    next_position: int = 0
    _tail: list[tuple[int, SaidTurn]] = field(default_factory=list)
    """It is in the order in which the turns began: a caller's words may be known late."""

    def number(self) -> int:
        """Return the position of the next turn, in the order in which they began."""
        position, self.next_position = self.next_position, self.next_position + 1
        return position

    def say(self, role: Role, position: int, text: str) -> None:
        if text:
            turn = SaidTurn(role=role, text=text[:_LONGEST_TURN])
            insort(self._tail, (position, turn), key=itemgetter(0))
            del self._tail[:-TAIL_TURNS]

    def tail(self) -> tuple[SaidTurn, ...]:
        return tuple(turn for _, turn in self._tail)

    def restore(self, turns: tuple[SaidTurn, ...], next_position: int) -> None:
        first = next_position - len(turns)
        self._tail = list(enumerate(turns, first))
        self.next_position = next_position


def heard_text(text: str, *, heard_ms: int, total_ms: int) -> str:
    """Cut the words at `heard_ms`, in proportion and at a whole word: never one too many."""
    if total_ms <= 0 or heard_ms <= 0:
        return ""
    if heard_ms >= total_ms:
        return text
    cut = text[: len(text) * heard_ms // total_ms]
    if len(cut) == len(text) or text[len(cut)].isspace():
        return cut.rstrip()
    head, space, _ = cut.rpartition(" ")
    return head.rstrip() if space else ""
