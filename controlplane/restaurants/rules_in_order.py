"""Which rules were asked about an instant, in their order, and what each says of it. Pure.

Each rule's own word is what `what_happens` says without the rules that come before it: the page
"Que dira l'IA ?" can say nothing that a call would not.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, time
from enum import StrEnum
from typing import Final

from controlplane.contracts.opening import ORDER_KINDS, Busy, OpeningKind
from controlplane.contracts.restaurant_config import RestaurantStatus
from controlplane.restaurants.decision import Answer, RuleType
from controlplane.restaurants.opening import AS_USUAL, exceptions_of, windows_of
from controlplane.restaurants.what_happens import Calendar, what_happens

_HOLIDAY: Final = frozenset({RuleType.HOLIDAY, RuleType.UNCONFIRMED})
_WEEK: Final = frozenset({RuleType.WEEK, RuleType.NO_HOURS})


class Part(StrEnum):
    """Says what a rule had to do with the decision."""

    PASSES = "passes"
    """It was asked, and had nothing to say of this instant."""
    DECIDES = "decides"
    SKIPPED = "skipped"
    """A rule before it has decided; it would have had something to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rule, and what it says of the instant by itself."""

    types: frozenset[RuleType]
    part: Part
    answer: Answer
    windows: tuple[tuple[time, time], ...]
    """The hours of the date that it decides of, in wall time."""
    label: str
    """What the restaurant calls the exception; empty for other rules."""


def rules_in_order(calendar: Calendar, kind: OpeningKind, at: datetime) -> list[Step]:
    """Return the rules that were asked of `at`, then those that would have decided otherwise."""
    decided = what_happens(calendar, kind, at)
    steps: list[Step] = []
    for types, rest in _layers(calendar, kind):
        answer = what_happens(rest, kind, at)
        if any(step.part is Part.DECIDES for step in steps):
            part = Part.SKIPPED
        else:
            part = Part.DECIDES if decided.rule.type in types else Part.PASSES
        if part is not Part.SKIPPED or answer.rule.type in types:
            said = decided if part is Part.DECIDES else answer
            steps.append(_step(types, part, rest, said))
    return steps


def _layers(
    calendar: Calendar, kind: OpeningKind
) -> Iterator[tuple[frozenset[RuleType], Calendar]]:
    """Each rule with the calendar that is left when those before it are taken away."""
    yield frozenset({RuleType.STATUS}), calendar
    calendar = replace(calendar, status=RestaurantStatus.LIVE)
    if kind in ORDER_KINDS:
        yield frozenset({RuleType.BUSY}), calendar
    calendar = replace(calendar, busy=Busy())
    yield frozenset({RuleType.EXCEPTION}), calendar
    calendar = replace(calendar, exceptions=())
    yield _HOLIDAY, calendar
    yield _WEEK, replace(calendar, holidays=AS_USUAL)


def _step(types: frozenset[RuleType], part: Part, calendar: Calendar, answer: Answer) -> Step:
    hours = calendar.hours(answer.kind)
    exceptions = exceptions_of(hours, answer.date) if RuleType.EXCEPTION in types else []
    return Step(
        types=types,
        part=part,
        answer=answer,
        windows=tuple(sorted(windows_of(hours, answer.date))),
        label=next((one.label for one in exceptions if one.label), ""),
    )
