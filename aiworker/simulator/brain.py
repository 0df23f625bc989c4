"""What the simulated model answers: the seam between the server and what decides the words.

A brain sees what the model would see (tools, the conversation) and returns what to say and which
functions to call. It does no I/O and keeps no clock, so every call is repeatable.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from aiworker.simulator.conversation import Item
from aiworker.simulator.faults import Fault

SPEECH_MS_PER_CHARACTER: Final = 65
"""About 15 characters a second: a French voice at its usual pace."""
_FRAME_MS: Final = 20


@dataclass(frozen=True)
class Say:
    """Speak. `duration_ms` overrides the length the text would take in tones."""

    text: str
    duration_ms: int | None = None

    @property
    def audio_ms(self) -> int:
        """How long the speech lasts, in whole 20 ms frames."""
        asked = self.duration_ms
        length = len(self.text) * SPEECH_MS_PER_CHARACTER if asked is None else asked
        return -(-length // _FRAME_MS) * _FRAME_MS


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
class Answer:
    """One response: its output items in order, none for a response of nothing."""

    outputs: Sequence[Output] = ()
    faults: Sequence[Fault] = ()
    """What goes wrong with this response."""
    lost: str = ""
    """Why the brain did not know what to answer; "" when it did."""


@dataclass(frozen=True)
class Turn:
    """What a response is asked about."""

    tools: Mapping[str, Mapping[str, Any]]
    """Each function's name and its JSON schema."""
    items: Sequence[Item]
    number: int
    """0 for the session's first response."""


class Brain(Protocol):
    """One per session."""

    def respond(self, turn: Turn) -> Answer:
        """Return what the response says and calls."""
        ...
