"""What the simulated model answers: the seam between the server and any policy.

A brain sees what the model would see (instructions, tools, the conversation) and returns what to
say and which functions to call. It does no I/O and keeps no clock, so every call is repeatable.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiworker.simulator.conversation import Item

SPEECH_MS_PER_CHARACTER: Final = 65
"""About 15 characters a second: a French voice at its usual pace."""
_FRAME_MS: Final = 20


@dataclass(frozen=True)
class Say:
    """Speak. `duration_ms` (a multiple of 20) overrides the length the text would take."""

    text: str
    duration_ms: int | None = None

    @property
    def audio_ms(self) -> int:
        """How long the speech lasts, in whole 20 ms frames."""
        if self.duration_ms is not None:
            return -(-self.duration_ms // _FRAME_MS) * _FRAME_MS
        return -(-len(self.text) * SPEECH_MS_PER_CHARACTER // _FRAME_MS) * _FRAME_MS


@dataclass(frozen=True)
class Call:
    """Call a function. `arguments` is sent as it is, so a test can send what is not JSON."""

    name: str
    arguments: str

    @classmethod
    def of(cls, name: str, /, **arguments: object) -> "Call":
        """Build a call from arguments."""
        return cls(name, json.dumps(arguments, ensure_ascii=False))


@dataclass(frozen=True)
class Stall:
    """Produce nothing until cancelled: a model that hangs."""


Output = Say | Call | Stall


@dataclass(frozen=True)
class Turn:
    """What a response is asked about."""

    instructions: str
    tools: Mapping[str, Mapping[str, Any]]
    """Function name → its JSON schema."""
    items: Sequence[Item]
    number: int
    """0 for the session's first response."""
    metadata: Mapping[str, str] = field(default_factory=dict)


class Brain(Protocol):
    """One per session."""

    def respond(self, turn: Turn) -> list[Output]:
        """Return the response's output items in order; an empty list is a response of nothing."""
        ...


class ScriptedBrain:
    """The n-th response of the session is the n-th step; after the last, nothing is said."""

    def __init__(self, steps: Sequence[Sequence[Output]]) -> None:
        self._steps = steps

    def respond(self, turn: Turn) -> list[Output]:
        """Return the next step."""
        return list(self._steps[turn.number]) if turn.number < len(self._steps) else []


class MonologueBrain:
    """Speaks for `duration_ms` at every response: for measuring gaps and delays."""

    def __init__(self, duration_ms: int) -> None:
        self._duration_ms = duration_ms

    def respond(self, turn: Turn) -> list[Output]:
        """Return one long message."""
        words = "Je parle sans m'arrêter pour la mesure. "
        count = max(1, self._duration_ms // (len(words) * SPEECH_MS_PER_CHARACTER))
        return [Say((words * count).strip(), duration_ms=self._duration_ms)]
