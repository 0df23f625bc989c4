"""What keeps an old application's file from being taken over, as a whole or by the row."""

from controlplane.restaurants.errors import Refused
from controlplane.restaurants.menu_sentences import typeset


class OldFileRefused(Refused):
    """The file, or the mapping, is not what it should be: nothing was written."""

    def __init__(self, message: str) -> None:
        super().__init__(typeset(message))


class RowRefused(Exception):
    """One row is not taken over; the message says in French what to change."""

    def __init__(self, message: str) -> None:
        super().__init__(typeset(message))


class TotalsDiffer(Refused):
    """What is in the database is not what the file has, for all rows that were not refused."""

    def __init__(self) -> None:
        super().__init__(
            "the totals differ: look at the lines marked ≠; rows that were changed in the old"
            " application since they were imported stay as they were imported"
        )


class LeftOut(Exception):
    """One row is not taken over, as it has to be: there is nothing to change."""
