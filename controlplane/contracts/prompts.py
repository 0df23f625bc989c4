"""What a restaurant's callers hear without an assistant, and what of it is the restaurant's own.

The AI Act (Regulation 2024/1689, art. 50 §1) has us say that an AI speaks. That sentence is added
here to whatever a restaurant writes: a check of the restaurant's own words would have to understand
them, and could be talked round; a sentence that nobody is asked for cannot be left out.
"""

from enum import StrEnum
from typing import Final

AI_DISCLOSURE: Final = "Je suis l’assistant vocal, une intelligence artificielle."
MOST_CHARACTERS: Final = 200
"""A sentence of this length takes 13 s; a caller wants to speak."""

MOST_PROMPT_MS: Final = 25_000
"""All that, said slowly, is shorter; the bridge waits 30 s for the end of a greeting."""


class PromptKind(StrEnum):
    """The prompts that a restaurant may word itself; their names are those of the packaged files.
    The other prompts say what is the same everywhere ("Un instant, s'il vous plaît").
    """

    GREETING = "greeting"
    """It is the first sound of each call."""
    BUSY = "busy"
    """Nobody can take the call: all assistants talk, or the restaurant has as many calls as it
    may."""
    LEAVE_MESSAGE = "leave_message"
    """It asks for a message after the tone."""


def greeting_sentence(spoken_name: str) -> str:
    """Return how a restaurant that has written no greeting says its name."""
    return f"Bonjour, ici {spoken_name}."


def prompt_text(kind: PromptKind, sentence: str) -> str:
    """Return all that callers hear: of a greeting, the sentence and that an AI speaks."""
    return f"{sentence} {AI_DISCLOSURE}" if kind is PromptKind.GREETING else sentence
