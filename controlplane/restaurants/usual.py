"""What a customer orders again and again, from their past orders. Pure."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

ORDERS_LOOKED_AT: Final = 10
"""Tastes change: older orders say little of the next one."""
LEAST_TIMES: Final = 2
"""What was ordered once is no habit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDish:
    """One dish of an order; `options` are pairs of id and name, sorted."""

    menu_item_id: UUID
    name: str
    options: tuple[tuple[str, str], ...] = ()
    quantity: int = 1

    @property
    def spelt(self) -> str:
        """The dish with its options, as people read it."""
        options = ", ".join(name for _, name in self.options)
        return f"{self.name} ({options})" if options else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualDish:
    """A dish they always have: how many at a time, and in how many of the orders looked at."""

    dish: PastDish
    times: int


def usual(orders: Sequence[Sequence[PastDish]]) -> tuple[UsualDish, ...]:
    """The dishes, with their options, in at least half of the last orders (newest first) and in
    two; the most ordered come first.

    The quantity is the one ordered most often, the smaller of two: nobody is sold more than they
    asked for. A dish renamed since is the same dish, under its newest name.
    """
    newest: dict[tuple[UUID, tuple[str, ...]], PastDish] = {}
    quantities: dict[tuple[UUID, tuple[str, ...]], Counter[int]] = defaultdict(Counter)
    looked_at = orders[:ORDERS_LOOKED_AT]
    for order in looked_at:
        had: Counter[tuple[UUID, tuple[str, ...]]] = Counter()
        for dish in order:
            key = dish.menu_item_id, tuple(option_id for option_id, _ in dish.options)
            newest.setdefault(key, dish)
            had[key] += dish.quantity
        for key, quantity in had.items():
            quantities[key][quantity] += 1
    habits = [
        UsualDish(dish=_so_many(newest[key], counted), times=counted.total())
        for key, counted in quantities.items()
        if counted.total() >= max(LEAST_TIMES, len(looked_at) / 2)
    ]
    return tuple(sorted(habits, key=lambda habit: (-habit.times, habit.dish.name)))


def _so_many(dish: PastDish, quantities: Counter[int]) -> PastDish:
    quantity = min(quantities, key=lambda each: (-quantities[each], each))
    return PastDish(
        menu_item_id=dish.menu_item_id, name=dish.name, options=dish.options, quantity=quantity
    )
