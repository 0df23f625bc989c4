"""What the simulator saw and did, with times any process of this machine can compare.

Times are `time.monotonic()`, one clock for all processes on Linux. Tests read the entries in
process; benchmarks read the JSON lines that `--journal FILE` writes.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

MAX_ENTRIES: Final = 200_000
"""About an hour of fifty calls; later entries still reach the file."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Base of all entries: when, and in which session."""

    at: float = field(default_factory=time.monotonic)
    session_id: str


@dataclass(frozen=True, kw_only=True)
class SessionOpened(Entry):
    """A client connected; `connection` counts from 1."""

    connection: int
    model: str
    user_agent: str


@dataclass(frozen=True, kw_only=True)
class SessionClosed(Entry):
    """The connection ended; `code` is the WebSocket close code."""

    code: int | None


@dataclass(frozen=True, kw_only=True)
class ClientEvent(Entry):
    """A client event arrived; `event` is left out for audio, whose length is `audio_ms`."""

    type: str
    event: dict[str, Any] | None = None
    audio_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ErrorSent(Entry):
    """An `error` event was sent."""

    code: str | None
    param: str | None
    message: str


@dataclass(frozen=True, kw_only=True)
class SpeechStarted(Entry):
    """`speech_started` was sent. `real` is False for one made up by a fault."""

    item_id: str
    audio_start_ms: int
    appended_ms: int
    real: bool = True


@dataclass(frozen=True, kw_only=True)
class SpeechStopped(Entry):
    """`speech_stopped` was sent."""

    item_id: str
    audio_end_ms: int
    appended_ms: int


@dataclass(frozen=True, kw_only=True)
class Heard(Entry):
    """The caller's turn was recognised; "" = unintelligible."""

    item_id: str
    transcript: str
    score: float
    audio_ms: int


@dataclass(frozen=True, kw_only=True)
class ResponseStarted(Entry):
    """`response.created` was sent."""

    response_id: str


@dataclass(frozen=True, kw_only=True)
class AudioSent(Entry):
    """One audio delta was sent: frames `first_frame` .. `first_frame + frames - 1`.

    Frame numbers rise over the whole session; in tones, they are on the wire modulo 4096.
    """

    response_id: str
    item_id: str
    item_ms: int
    """Where in the item the delta begins."""
    first_frame: int
    frames: int


@dataclass(frozen=True, kw_only=True)
class Said(Entry):
    """An assistant message ended; `audio_ms` is what was sent of it."""

    response_id: str
    item_id: str
    transcript: str
    audio_ms: int


@dataclass(frozen=True, kw_only=True)
class ToolCalled(Entry):
    """A function call was sent."""

    response_id: str
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class ResponseEnded(Entry):
    """`response.done` was sent."""

    response_id: str
    status: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Truncated(Entry):
    """The client truncated an item; `accepted` is False when it was refused."""

    item_id: str
    audio_end_ms: int
    accepted: bool


@dataclass(frozen=True, kw_only=True)
class ItemDeleted(Entry):
    """The client deleted an item."""

    item_id: str


@dataclass(frozen=True, kw_only=True)
class ScriptLost(Entry):
    """The scripts did not say what to answer: the caller hears that the sentence is unknown."""

    response_id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class FaultDone(Entry):
    """A fault happened, or a state of being faulty began."""

    kind: str


_E = TypeVar("_E", bound=Entry)


class Journal:
    """Append-only, in order of time. Single event loop."""

    def __init__(self, file: Path | None = None) -> None:
        self.entries: list[Entry] = []
        self._file: TextIO | None = file.open("a", encoding="utf-8") if file else None
        self._changed = asyncio.Event()

    def add(self, entry: Entry) -> None:
        """Record an entry and wake whoever waits for one."""
        if len(self.entries) < MAX_ENTRIES:
            self.entries.append(entry)
        if self._file:
            line = {"entry": type(entry).__name__} | asdict(entry)
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        self._changed.set()

    def of(self, kind: type[_E]) -> list[_E]:
        """Return all entries of one kind, oldest first."""
        return [entry for entry in self.entries if isinstance(entry, kind)]

    async def wait_for(
        self,
        kind: type[_E],
        matches: Callable[[_E], bool] = lambda _entry: True,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109  # the wait is the point of the method
    ) -> _E:
        """Return the first matching entry, past or to come, or raise TimeoutError."""
        async with asyncio.timeout(timeout):
            while True:
                for entry in self.of(kind):
                    if matches(entry):
                        return entry
                self._changed.clear()
                await self._changed.wait()

    def close(self) -> None:
        """Close the file; entries stay readable."""
        if self._file:
            self._file.close()
            self._file = None
