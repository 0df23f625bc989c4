"""Step 8 of a call, seen from the worker: it sends chunks, clears them and marks them.

`Clear` is answered by `Cleared` with the position really heard, `Mark` by `Marked` once everything
up to it was heard. Both answers are made as soon as FreeSWITCH says that a playback is over.
"""

from collections.abc import Callable
from typing import Final

import structlog

from controlplane.bridge import metrics
from controlplane.bridge.calls.call_signals import PlaybackDrained
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.bridge.calls.playback import Chunk, Playback
from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.contracts.media import SAMPLE_RATE_HZ
from controlplane.contracts.messages import AudioChunk, Marked, Message
from controlplane.esl.errors import EslError
from controlplane.esl.event import EslEvent
from controlplane.loop import spawn

STOP_DEADLINE_S: Final = 0.2
"""The completion that follows a break comes within a frame (20 ms), or is not waited for."""

FILE_PLAYED: Final = "FILE PLAYED"
"""To its end, or to a break (mod_dptools.c, playback_function). Anything else leaves the position
of the playback before in the channel's variables."""

MAX_MARKS: Final = 64
"""That is more than the chunks FreeSWITCH can hold."""

log = structlog.get_logger()


class AudioControl:
    """Obeys one call's worker, and answers it from the events of the call's audio."""

    def __init__(
        self, call: IncomingCall, playback: Playback, *, tell_worker: Callable[[Message], None]
    ) -> None:
        self._call = call
        self._playback = playback
        self._tell_worker = tell_worker
        self._clearing: int | None = None
        """Generation of a `Clear` not answered yet."""
        self._marks: list[int] = []
        """Chunks of the `Mark`s not answered yet, oldest first, `MAX_MARKS` at most."""

    def restart(self) -> None:
        """Forget what the worker before asked: another one speaks from now on."""
        self._clearing = None
        self._marks.clear()
        self._playback.restart()

    def chunk_arrived(self, event: EslEvent) -> None:
        """Queue what the worker said: its `streamAudio` is a file now (event `::play`)."""
        try:
            chunk = _chunk(event)
        except (KeyError, ValueError, EslError) as error:
            metrics.CHUNKS_DROPPED.inc()
            log.warning("chunk_refused", error=type(error).__name__, call=str(self._call.call_id))
            return
        self._call.worker.heard()
        if not self._playback.add(chunk):
            metrics.CHUNKS_DROPPED.inc()

    def clear(self, generation: int) -> None:
        """Stop playing, and answer at the completion or at its deadline. Raises `EslError`."""
        self._marks.clear()
        self._clearing = generation
        try:
            stopping = self._playback.clear(generation)
        except EslError:
            self._clearing = None
            raise
        if stopping:
            spawn("answer_clear", self._answer_clear, generation, after_s=STOP_DEADLINE_S)
        else:
            self._answer_clear(generation)

    def mark(self, seq: int) -> None:
        """Answer once the chunk `seq` was heard, at once if it was already."""
        self._marks = [*self._marks, seq][-MAX_MARKS:]
        self._answer_marks()

    def playback_ended(self, event: EslEvent) -> None:
        """Answer what waited for it: CHANNEL_EXECUTE_COMPLETE of `playback`, at the end of a file
        or at a break.
        """
        samples = 0
        if event.get("Application-Response") == FILE_PLAYED:
            samples = int(event.get(ChannelVariable.PLAYBACK_OFFSET.header) or 0)
        played_ms = samples * 1_000 // SAMPLE_RATE_HZ
        self._playback.stopped(event.get("Application-UUID") or "", played_ms=played_ms)
        self._answer()

    def events_missed(self) -> None:
        """Answer what waited for events that FreeSWITCH told nobody."""
        self._playback.count_as_heard()
        self._answer()

    def _answer(self) -> None:
        if self._clearing is not None:
            self._answer_clear(self._clearing)
        self._answer_marks()
        if self._playback.idle:
            self._call.signal(PlaybackDrained())

    def _answer_clear(self, generation: int) -> None:
        """Answer a generation once, whichever of the two comes first."""
        if self._clearing != generation:
            return
        self._clearing = None
        if self._call.streaming:
            self._tell_worker(self._playback.cleared(generation))

    def _answer_marks(self) -> None:
        heard = self._playback.heard_seq
        reached = [seq for seq in self._marks if seq <= heard]
        self._marks = [seq for seq in self._marks if seq > heard]
        for seq in reached:
            self._tell_worker(Marked(seq=seq))


def _chunk(event: EslEvent) -> Chunk:
    """Read the file and our keys of a `::play`. Raises `KeyError`, `ValueError`, `EslError`."""
    body = event.json_body()
    file = body.pop("file")
    del body["audioDataType"], body["sampleRate"]
    return Chunk(file=str(file), audio=AudioChunk.model_validate(body))
