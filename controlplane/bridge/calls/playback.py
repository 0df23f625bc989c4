"""Step 8 of a call, towards the caller: chunks the worker sent become FreeSWITCH playbacks.

mod_audio_stream writes each chunk to a file and fires `::play`; nothing is heard until we queue a
`playback` with `event-lock` (without it queued playbacks nest and run in reverse). What was heard
is counted from each execution's CHANNEL_EXECUTE_COMPLETE, never from what was sent.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from controlplane.contracts.messages import AudioChunk, Cleared

MAX_WAITING_CHUNKS: Final = 300
"""That is a minute of audio, while the greeting plays; a worker that sends more is not pacing."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One file FreeSWITCH has, and what it is part of."""

    file: str
    audio: AudioChunk


class Playback:
    """One call's playback queue: what waits, what FreeSWITCH holds, what was heard.

    No I/O of its own: `play(file, execution)` queues a file in FreeSWITCH, whose completion then
    carries that UUID; `stop()` breaks and flushes; `remove(file)` is told of each file that nobody
    will play any more.
    """

    def __init__(
        self,
        *,
        play: Callable[[str, str], None],
        stop: Callable[[], None],
        remove: Callable[[str], None],
    ) -> None:
        self._play = play
        self._stop = stop
        self._remove = remove
        self._open = False
        self._generation = 0
        self._waiting: deque[Chunk] = deque()
        self._queued: dict[str, Chunk] = {}
        """By execution. A file's name comes again with the next stream of its channel."""
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
        """Another worker speaks from now on, counting generations and chunks from 0.

        The files of the one before ended with its stream, and the new one's have the same names.
        """
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
            self._remove(chunk.file)
            return False
        self._generation = chunk.audio.generation
        self._waiting.append(chunk)
        if self._open:
            self._pump()
        return True

    def stopped(self, execution: str, *, played_ms: int) -> None:
        """Count `played_ms` of its file as heard: the execution completed, at the file's end or at
        a break.
        """
        if chunk := self._queued.pop(execution, None):
            self._count(chunk.audio, played_ms)
            self._remove(chunk.file)

    def count_as_heard(self) -> None:
        """Count what FreeSWITCH was given as heard: its completions were missed.

        Some may still be played, so their files are left to the end of the stream.
        """
        for chunk in self._queued.values():
            self._count(chunk.audio, chunk.audio.ms)
        self._queued.clear()

    def clear(self, generation: int) -> bool:
        """Forget what waits, stop what plays. True: a completion is still to come."""
        self._generation = max(self._generation, generation)
        self._drop(self._waiting)
        self._waiting.clear()
        if not self._open:  # a break would take the other application down
            self._queued.clear()  # and what is played before it has its file
        if self._queued:
            self._stop()
        return bool(self._queued)

    def cleared(self, generation: int) -> Cleared:
        """The answer to a `Clear`, once playback has stopped (or its deadline has passed)."""
        self._drop(self._queued.values())
        self._queued.clear()
        item, self._hearing = self._hearing, None
        played = self._heard_ms.get(item, 0) if item else 0
        self._heard_ms = {item: played} if item else {}
        return Cleared(generation=generation, item=item, played_ms=played)

    def _pump(self) -> None:
        while self._waiting:
            chunk, execution = self._waiting.popleft(), str(uuid4())
            self._queued[execution] = chunk
            try:
                self._play(chunk.file, execution)
            except BaseException:
                self._queued.pop(execution, None)
                raise

    def _count(self, audio: AudioChunk, played_ms: int) -> None:
        heard = min(played_ms, audio.ms)
        if heard:
            self._hearing = audio.item
            self._heard_ms[audio.item] = self._heard_ms.get(audio.item, 0) + heard
        if heard == audio.ms:
            self._heard_seq = max(self._heard_seq, audio.seq)

    def _drop(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            self._remove(chunk.file)
