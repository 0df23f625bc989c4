"""Judges the calls of a benchmark of faults: what their callers heard against what Postgres has.

The caller's ear decides, and the menu decides what the order costs. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from controlplane.local.bench.faults_orders import OrderedLine
from controlplane.local.bench.faults_replies import Reply, last_about_the_order
from controlplane.spoken.spoken_french import number, price

LONGEST_SILENCE_S: Final = 3.0
"""The promise: nobody hears more than this without a sound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOrder:
    """One order as Postgres has it."""

    number: int
    total_cents: int
    lines: tuple[OrderedLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LivedCall:
    """One call as its caller lived it."""

    lines: tuple[OrderedLine, ...]
    """What the caller wanted, and heard read back before saying yes."""
    total_cents: int
    answered: bool
    """Anything at all was heard."""
    confirmed: bool
    """The caller said yes to the read-back of what they wanted, and all of it got through."""
    said_yes: bool
    """They said it, whether or not all of it got through."""
    heard: tuple[str, ...]
    """The assistant's words, turn by turn, as far as they were heard."""
    silence_s: float
    cut_by_freeswitch: bool = False
    """FreeSWITCH was killed during the call: it ended by nature."""
    given_to_a_human: bool = False
    """The caller heard that they are put through, or may leave a message."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with one call; nothing, as a rule."""

    spoken: bool
    in_database: int
    lost: bool = False
    doubled: int = 0
    wrong: int = 0
    told_wrong: bool = False
    silence_s: float = 0.0
    never_answered: bool = False

    @property
    def broken(self) -> tuple[str, ...]:
        """Name the promises that were not kept."""
        found = {
            "lost": self.lost,
            "doubled": self.doubled,
            "wrong": self.wrong,
            "told_wrong": self.told_wrong,
            "silence": self.silence_s > LONGEST_SILENCE_S,
            "never_answered": self.never_answered,
        }
        return tuple(name for name, broken in found.items() if broken)


def judge(call: LivedCall, orders: Sequence[StoredOrder]) -> Verdict:
    """Compare one call with the orders that Postgres has from its number, once all has settled.

    A confirmed order that is absent is lost, unless its caller was told last that it isn't placed,
    or was put through to a human before being told anything: they know. A call that FreeSWITCH cut
    has lost its order only if its caller had been told that it is placed.
    """
    told = last_about_the_order(call.heard)
    return Verdict(
        spoken=call.confirmed,
        in_database=len(orders),
        lost=not orders and _is_lost(call, told[0] if told else None),
        doubled=max(0, len(orders) - 1),
        wrong=sum(not call.said_yes or not _is_as_wanted(call, order) for order in orders),
        told_wrong=told is not None and _is_told_wrong(told, orders),
        silence_s=call.silence_s,
        never_answered=not call.answered,
    )


def _is_lost(call: LivedCall, told: Reply | None) -> bool:
    if told is Reply.PLACED:
        return True
    if told is Reply.NOT_PLACED or not call.confirmed or call.cut_by_freeswitch:
        return False
    return told is Reply.UNSURE or not call.given_to_a_human


def _is_as_wanted(call: LivedCall, order: StoredOrder) -> bool:
    same_lines = sorted(map(_key, order.lines)) == sorted(map(_key, call.lines))
    return same_lines and order.total_cents == call.total_cents


def _key(line: OrderedLine) -> tuple[str, int, tuple[str, ...]]:
    return (line.dish, line.quantity, tuple(sorted(line.options)))


def _is_told_wrong(told: tuple[Reply, str], orders: Sequence[StoredOrder]) -> bool:
    """Compare the sentence with the rows. What of it was not heard is not compared."""
    reply, words = told
    if reply is Reply.NOT_PLACED:
        return bool(orders)
    if reply is Reply.UNSURE:
        return False
    return not any(_says(words, order) for order in orders)


def _says(words: str, order: StoredOrder) -> bool:
    numbered = "numéro" not in words or f"numéro {number(order.number)} " in words
    _, priced, amount = words.partition(", pour ")
    ends = amount.rstrip().endswith(".") or "." in amount
    return numbered and (not priced or not ends or price(order.total_cents) == amount.split(".")[0])


@dataclass(slots=True)
class Tally:
    """Sums the verdicts of a run."""

    orders_spoken: int = 0
    orders_in_db: int = 0
    orders_lost: int = 0
    orders_doubled: int = 0
    orders_wrong: int = 0
    told_wrong: int = 0
    silence_s_max: float = 0.0
    never_answered: int = 0

    @classmethod
    def of(cls, verdicts: Iterable[Verdict]) -> "Tally":
        """Add them up."""
        tally = cls()
        for one in verdicts:
            tally.orders_spoken += one.spoken
            tally.orders_in_db += one.in_database
            tally.orders_lost += one.lost
            tally.orders_doubled += one.doubled
            tally.orders_wrong += one.wrong
            tally.told_wrong += one.told_wrong
            tally.silence_s_max = max(tally.silence_s_max, one.silence_s)
            tally.never_answered += one.never_answered
        tally.silence_s_max = round(tally.silence_s_max, 2)
        return tally
