"""What the order taker remembers of one call: the phase, the cart as the tools told it."""

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from aiworker.simulator.french_numbers import read_number
from aiworker.simulator.french_text import words

_RECALLED = re.compile(r"ligne (\d+) : ([^;.]+)")


class Phase(Enum):
    """Where the order is."""

    ORDERING = auto()
    CONFIRMING = auto()
    """The order was read back; the next word is yes, no or a change."""
    PLACED = auto()


@dataclass
class CartLine:
    """A line of the cart, as a tool told it."""

    line: int
    name: str
    quantity: int
    options: list[str]


@dataclass
class OrderState:
    """One call."""

    phase: Phase = Phase.ORDERING
    cart: dict[int, CartLine] = field(default_factory=dict)
    last_line: int | None = None
    name: str | None = None
    offered: tuple[str, int] | None = None
    """A dish a tool suggested instead of one it did not know, and how many."""
    last_said: str = ""
    finishing: bool = False
    """The caller said that is all in the same breath as a dish."""
    offered_transfer: bool = False
    """A tool failed and proposed the restaurant's phone."""


def recalled_lines(text: str) -> list[CartLine]:
    """Read "ligne 1 : deux Margherita, pâte fine ; ligne 2 : …", as a resumed call is told."""
    lines = []
    for number, spoken in _RECALLED.findall(text):
        dish, *options = [part.strip() for part in spoken.split(",")]
        said = words(dish)
        read = read_number([word.plain for word in said]) or (1, 0)
        name = " ".join(word.written for word in said[read[1] :])
        lines.append(CartLine(int(number), name, read[0], options))
    return lines


def line_of(result: dict[str, Any]) -> CartLine:
    """Return the line a tool result tells of."""
    return CartLine(
        line=int(result["line"]),
        name=str(result.get("name", "")),
        quantity=int(result.get("quantity", 1)),
        options=list(result.get("options", [])),
    )
