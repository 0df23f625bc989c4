"""A table's lines before anybody knows what they mean, and how many of them a menu has."""

from dataclasses import dataclass
from typing import Final

MOST_ROWS: Final = 10_000
"""Two thousand dishes with their options; reading stops here."""
MOST_COLUMNS: Final = 100
LONGEST_CELL: Final = 4_000


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its number in the file, counted from 1, and its cells' text."""

    line: int
    cells: tuple[str, ...]
