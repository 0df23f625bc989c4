"""Step 8 of a call, towards the caller: chunks the worker sent become FreeSWITCH playbacks.

mod_audio_stream writes each chunk to a file and fires `::play`; nothing is heard until we queue a
`playback` with `event-lock` (without it queued playbacks nest and run in reverse). What was heard
is counted from PLAYBACK_STOP, never from what was sent.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from controlplane.contracts.messages import AudioChunk, Cleared

MAX_WAITING_CHUNKS: Final = 600
"""That is a minute of audio, while the greeting plays; a worker that sends more is not pacing."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One file FreeSWITCH has, and what it is part of."""

    file: str
    audio: AudioChunk


class Playback:
    """One call's playback queue: what waits, what FreeSWITCH holds, what was heard.

    No I/O of its own: `play(file)` queues a file in FreeSWITCH, `stop()` breaks and flushes.
    """

    def __init__(self, *, play: Callable[[str], None], stop: Callable[[], None]) -> None:
        self._play = play
        self._stop = stop
        self._open = False
        self._generation = 0
        self._waiting: deque[Chunk] = deque()
        self._queued: dict[str, Chunk] = {}
        self._heard_ms: dict[str, int] = {}
        self._heard_seq = -1
        self._hearing: str | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and FreeSWITCH holds nothing."""
        return not self._waiting and not self._queued

    @property
    def heard_seq(self) -> int:
        """The last chunk heard to its end, -1 before the first."""
        return self._heard_seq

    def open(self) -> None:
        """The channel is free (greeting over, parked): play what waits and all that follows."""
        self._open = True
        self._pump()

    def close(self) -> None:
        """Another application has the channel: chunks wait."""
        self._open = False

    def restart(self) -> None:
        """Another worker speaks from now on, counting generations and chunks from 0."""
        self._open = False
        self._generation = 0
        self._waiting.clear()
        self._queued.clear()
        self._heard_ms.clear()
        self._heard_seq = -1
        self._hearing = None

    def add(self, chunk: Chunk) -> bool:
        """Queue a chunk. False: dropped, for it was cleared before it arrived, or too many wait."""
        if chunk.audio.generation < self._generation or len(self._waiting) >= MAX_WAITING_CHUNKS:
            return False
        self._generation = chunk.audio.generation
        self._waiting.append(chunk)
        if self._open:
            self._pump()
        return True

    def started(self, file: str) -> None:
        """Note whose item is heard from now on: its file's PLAYBACK_START."""
        if chunk := self._queued.get(file):
            self._hearing = chunk.audio.item

    def stopped(self, file: str, *, played_ms: int) -> None:
        """Count `played_ms` of the file as heard: its PLAYBACK_STOP, `done` or `break`."""
        chunk = self._queued.pop(file, None)
        if chunk is None:
            return
        item = chunk.audio.item
        heard = min(played_ms, chunk.audio.ms)
        self._heard_ms[item] = self._heard_ms.get(item, 0) + heard
        if heard == chunk.audio.ms:
            self._heard_seq = max(self._heard_seq, chunk.audio.seq)

    def count_as_heard(self) -> None:
        """Count what FreeSWITCH was given as heard: its PLAYBACK_STOPs were missed."""
        for file, chunk in list(self._queued.items()):
            self.stopped(file, played_ms=chunk.audio.ms)

    def clear(self, generation: int) -> bool:
        """Forget what waits, stop what plays. True: a PLAYBACK_STOP is still to come."""
        self._generation = max(self._generation, generation)
        self._waiting.clear()
        if not self._open:  # a break would take the other application down
            self._queued.clear()
        if self._queued:
            self._stop()
        return bool(self._queued)

    def cleared(self, generation: int) -> Cleared:
        """The answer to a `Clear`, once playback has stopped (or its deadline has passed)."""
        self._queued.clear()
        item, self._hearing = self._hearing, None
        played = self._heard_ms.get(item, 0) if item else 0
        self._heard_ms = {item: played} if item else {}
        return Cleared(generation=generation, item=item, played_ms=played)

    def _pump(self) -> None:
        while self._waiting:
            chunk = self._waiting.popleft()
            self._queued[chunk.file] = chunk
            try:
                self._play(chunk.file)
            except BaseException:
                del self._queued[chunk.file]
                raise
