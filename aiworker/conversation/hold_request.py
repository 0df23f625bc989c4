"""The caller asks us to wait, or their telephone does in their stead: "ne quittez pas". Pure."""

import re
from typing import Final

from aiworker.conversation.hallucination import plain

_ASKS: Final = re.compile(
    "quittez pas|ne quitte pas|raccroche[zr]? pas|bouge[zr]? pas|patiente[zr]"
    "|(un|une|deux|trois|quelques|juste|2|5|cinq) (tout )?(petite? )?"
    "(instant|moment|minute|seconde)s?|attend(s|ez)|je reviens|je vous reprends|en attente"
    "|je vous mets|votre correspondant|je (demande|regarde|reflechis|verifie|cherche)"
    "|laissez? moi (reflechir|regarder|demander|voir)"
)
_ORDERS: Final = re.compile("voudr|je prend|commander|ajoute|enleve|mettez|plutot")
_LEAVES: Final = re.compile(
    r"au revoir|a bientot|\ba tout(e| de suite| a l heure)|bonne (journee|soiree)"
    r"|\b(arrive|viens|passe|serai)\b.* dans (une?|deux|trois|quelques|2|5|cinq)\b"
    r"|\bdans (une?|deux|trois|quelques|2|5|cinq)\b.*\b(arrive|viens|passe|serai)\b"
)
"""Who comes for the order in five minutes is not to be waited for on the telephone."""
_LONGEST_WORDS: Final = 16
"""An order that begins with "attendez" is an order; the telephone's own announcement is as long."""


def asks_to_wait(words: str) -> bool:
    """Say whether these words ask for patience, and for nothing else."""
    said = plain(words)
    question = words.rstrip().endswith("?")
    if question or len(said.split()) > _LONGEST_WORDS:
        return False
    if _ORDERS.search(said) or _LEAVES.search(said):
        return False
    return _ASKS.search(said) is not None
