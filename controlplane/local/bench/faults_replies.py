"""What a caller understands of the assistant's words: what to say next, and what became of the
order. Pure.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Reply(StrEnum):
    """What the words that were just heard mean to a caller who orders."""

    PLACED = "placed"
    UNSURE = "unsure"
    """Nobody knows yet whether the order is placed; the restaurant will say."""
    NOT_PLACED = "not_placed"
    READ_BACK = "read_back"
    NOTED = "noted"
    EMPTY = "empty"
    UNCLEAR = "unclear"
    """Anything else: an apology, a question, a prompt, nothing."""


ABOUT_THE_ORDER: Final = frozenset({Reply.PLACED, Reply.UNSURE, Reply.NOT_PLACED})
"""These say what became of it."""

_MEANINGS: Final = {
    Reply.UNSURE: r"pas pu vérifier|vous le confirme",
    Reply.NOT_PLACED: (
        r"arrive pas à enregistrer|est pas (passée|enregistrée)|un doute sur la commande"
        r"|est plus disponible|pas possible"
    ),
    Reply.PLACED: r"est enregistrée",
    Reply.READ_BACK: r"C['’]est bien (cela|ça)",
    Reply.EMPTY: r"commande est vide",
    Reply.NOTED: r"Et avec ceci",
}
"""The first that fits counts."""


def understood(words: str) -> Reply:
    """Return what the assistant's words mean."""
    for reply, pattern in _MEANINGS.items():
        if re.search(pattern, words, re.IGNORECASE):
            return reply
    return Reply.UNCLEAR


def last_about_the_order(heard: Iterable[str]) -> tuple[Reply, str] | None:
    """Return what the caller was told last of what became of the order; None for nothing at all."""
    found = [(understood(words), words) for words in heard]
    told = [one for one in found if one[0] in ABOUT_THE_ORDER]
    return told[-1] if told else None
