"""The assistant's speech on its way to the caller: what was received, sent and heard of each item.

Realtime sends audio faster than it is spoken. At most `QUEUED_AHEAD_MS` of it is handed to
FreeSWITCH at a time, so that a `clear` silences the assistant at once, and all of it is kept until
it was heard, so that a false alarm resumes on the exact millisecond. No I/O and no clock of its
own: every call says what time it is, in seconds.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from controlplane.contracts.media import (
    CHUNK_MS,
    FRAME_MS,
    PCMU_BYTES_PER_MS,
    PCMU_SILENCE,
    QUEUED_AHEAD_MS,
    whole_frames_ms,
)

_RUNNING_LOW_MS = 60
"""With less than this queued, a short chunk is better than a gap: FreeSWITCH plays 60 ms evenly."""
_FRAME_BYTES = FRAME_MS * PCMU_BYTES_PER_MS
_UNMARKED_SECONDS = 2.0
"""A `Marked` later than this after the audio's end never comes: the bridge is gone or the mark is
lost. What was sent then counts as heard."""
_MOST_UNMARKED = 4
"""An agent that restarts misses no more items than these."""


@dataclass(slots=True)
class Speech:
    """It is one item of the assistant's speech. Lengths are ms of audio; `audio` is PCMU."""

    item: str
    response: str
    content_index: int = 0
    audio: bytearray = field(default_factory=bytearray)
    ended: bool = False
    """All of its audio was received."""
    sent_ms: int = 0
    """This much was handed to FreeSWITCH, and not cleared since."""
    heard_ms: int = 0
    """This much was heard, as `Cleared` or `Marked` told; between `pause` and `cleared` the clock
    tells.
    """
    told_ms: int = 0
    """This much was heard when `Cleared` last told."""
    last_seq: int | None = None
    mark_asked: bool = False
    text: str = ""

    @property
    def received_ms(self) -> int:
        return len(self.audio) // PCMU_BYTES_PER_MS

    @property
    def all_sent(self) -> bool:
        return self.ended and self.sent_ms >= self.received_ms

    @property
    def all_heard(self) -> bool:
        return self.ended and self.heard_ms >= self.received_ms


@dataclass(frozen=True, slots=True)
class Chunk:
    """It is a piece of one item, ready to be sent."""

    pcmu: bytes
    item: str
    seq: int
    generation: int


class Playout:
    """It is the paced queue of what the assistant says in one call."""

    def __init__(self) -> None:
        self.generation = 0
        self.paused = False
        self._queue: deque[Speech] = deque()
        """It is in speaking order; the first ones may be sent but not heard to the end."""
        self._unmarked: list[Speech] = []
        """These count as heard since the last `Marked`, though none came for them."""
        self._seq = 0
        self._plays_until = 0.0
        """FreeSWITCH will have played everything it was sent by then."""

    # --- What comes in -------------------------------------------------------------------------

    def receive(
        self, item: str, pcmu: bytes, *, response: str = "", content_index: int = 0
    ) -> Speech:
        """Add audio to an item, behind what is already there."""
        speech = self.speech(item)
        if speech is None:
            speech = Speech(item=item, response=response, content_index=content_index)
            self._queue.append(speech)
        if not speech.ended:
            speech.audio += pcmu
        return speech

    def end_item(self, item: str) -> None:
        """Pad its audio, which is whole, to a 20 ms frame, as FreeSWITCH would."""
        speech = self.speech(item)
        if speech is None or speech.ended:
            return
        if odd := len(speech.audio) % _FRAME_BYTES:
            speech.audio += bytes([PCMU_SILENCE]) * (_FRAME_BYTES - odd)
        speech.ended = True

    # --- What goes out -------------------------------------------------------------------------

    def next_chunk(self, now: float) -> Chunk | None:
        """Take the next chunk that may be sent now, or None."""
        if self.paused:
            return None
        speech = self._being_sent()
        if speech is None:
            return None
        ahead = self._ahead_ms(now)
        length = self._next_length(speech)
        if length == 0 or ahead + length > QUEUED_AHEAD_MS:
            return None
        if length < CHUNK_MS and not speech.ended and ahead > _RUNNING_LOW_MS:
            return None
        return self._take(speech, length, now)

    def next_chunk_at(self, now: float) -> float | None:
        """Say when to ask again; None when only new audio changes anything."""
        speech = None if self.paused else self._being_sent()
        length = 0 if speech is None else self._next_length(speech)
        if speech is None or length == 0:
            return None
        room = QUEUED_AHEAD_MS - length
        if length < CHUNK_MS and not speech.ended:
            room = _RUNNING_LOW_MS
        return max(now, self._plays_until - room / 1_000)

    @staticmethod
    def _next_length(speech: Speech) -> int:
        """Count whole frames; an item's last piece may be less, and is padded when it is sent."""
        length = min(CHUNK_MS, speech.received_ms - speech.sent_ms)
        return length if speech.ended else length // FRAME_MS * FRAME_MS

    def _take(self, speech: Speech, length: int, now: float) -> Chunk:
        start = speech.sent_ms * PCMU_BYTES_PER_MS
        pcmu = bytes(speech.audio[start : start + length * PCMU_BYTES_PER_MS])
        if odd := length % FRAME_MS:
            pcmu += bytes([PCMU_SILENCE]) * ((FRAME_MS - odd) * PCMU_BYTES_PER_MS)
        speech.sent_ms += length
        speech.last_seq = self._seq
        self._seq += 1
        self._plays_until = max(now, self._plays_until) + whole_frames_ms(length) / 1_000
        return Chunk(
            pcmu=pcmu,
            item=speech.item,
            seq=speech.last_seq,
            generation=self.generation,
        )

    def mark_due(self) -> int | None:
        """Return the seq to ask a `Mark` for, once for each item that was sent to its end."""
        for speech in self._queue:
            if speech.all_sent and not speech.mark_asked:
                speech.mark_asked = True
                return speech.last_seq
        return None

    # --- What was heard ------------------------------------------------------------------------

    def audible(self, now: float) -> bool:
        """Say whether the caller hears the assistant, or is about to, of what was received."""
        speech = self._being_sent()
        return now < self._plays_until or (speech is not None and self._next_length(speech) > 0)

    def unheard_ms(self, now: float) -> int:
        """Count audio received that the caller has not heard yet."""
        unsent = sum(speech.received_ms - speech.sent_ms for speech in self._queue)
        return unsent + self._ahead_ms(now)

    def heard_of(self, item: str, now: float) -> tuple[int, int] | None:
        """Return (heard, received) ms by the clock; None when the item is done with, or unknown."""
        ahead = self._ahead_ms(now)
        for speech in reversed(self._queue):
            unheard = min(ahead, speech.sent_ms - speech.heard_ms)
            if speech.item == item:
                return speech.sent_ms - unheard, speech.received_ms
            ahead -= unheard
        return None

    def silent_since(self) -> float:
        """Say when the last audio sent was played, or will have been."""
        return self._plays_until

    def marked(self, seq: int) -> list[Speech]:
        """Count everything up to `seq` as heard. Returns the items that are now done with."""
        self._unmarked.clear()
        return self._done_up_to(seq)

    def _done_up_to(self, seq: int) -> list[Speech]:
        done = []
        while self._queue and self._is_over(self._queue[0], seq):
            speech = self._queue.popleft()
            speech.heard_ms = speech.received_ms
            done.append(speech)
        return done

    def overdue(self, now: float) -> list[Speech]:
        """Count items as heard whose mark should long have come back, and return them."""
        if self.paused or now < self._plays_until + _UNMARKED_SECONDS:
            return []
        done = self._done_up_to(self._seq)
        self._unmarked = [*self._unmarked, *done][-_MOST_UNMARKED:]
        return done

    @staticmethod
    def _is_over(speech: Speech, seq: int) -> bool:
        return speech.all_sent and (speech.last_seq is None or speech.last_seq <= seq)

    def say_again(self) -> None:
        """Begin again with what nobody says was heard: whoever was to play it is gone, and what it
        had is lost. A few words twice are better than none.
        """
        if self.paused:
            return
        self._queue.extendleft(reversed(self._unmarked))
        self._unmarked = []
        self._plays_until = 0.0
        for speech in self._queue:
            speech.sent_ms = speech.heard_ms = speech.told_ms
            speech.mark_asked = False

    # --- Interruption --------------------------------------------------------------------------

    def pause(self, now: float) -> bool:
        """Send no more. True when FreeSWITCH holds unheard audio: a `Clear` is due."""
        self.paused = True
        if now >= self._plays_until and not any(s.sent_ms > s.heard_ms for s in self._queue):
            return False
        self._guess_heard(now)
        self.generation += 1
        self._plays_until = now
        return True

    def cleared(self, item: str | None, played_ms: int) -> None:
        """Count as heard what the bridge says: all before `item`, `played_ms` of it, nothing after.

        None: nothing was heard since the last `Clear`. An item already done with was the last one
        begun, so nothing of those behind it was heard either.
        """
        before = any(speech.item == item for speech in self._queue)
        for speech in self._queue:
            if speech.item == item:
                speech.heard_ms = min(played_ms, speech.received_ms)
                before = False
            else:
                speech.heard_ms = speech.received_ms if before else speech.told_ms
            speech.told_ms = speech.heard_ms

    def resume(self) -> list[Speech]:
        """Go on from the millisecond each item was heard to. Returns items heard to the end."""
        self.paused = False
        done = [speech for speech in self._queue if speech.all_heard]
        self._queue = deque(speech for speech in self._queue if not speech.all_heard)
        for speech in self._queue:
            speech.sent_ms = speech.told_ms = speech.heard_ms
            speech.mark_asked = False
        return done

    def drop(self) -> list[Speech]:
        """Forget all speech. Returns what was in the queue, with what was heard of each."""
        self.paused = False
        self._unmarked = []
        dropped = list(self._queue)
        self._queue.clear()
        return dropped

    def _guess_heard(self, now: float) -> None:
        """Estimate, until `Cleared` comes, what FreeSWITCH no longer held of what was sent."""
        ahead = self._ahead_ms(now)
        for speech in reversed(self._queue):
            unheard = min(ahead, speech.sent_ms - speech.heard_ms)
            speech.heard_ms = speech.sent_ms - unheard
            ahead -= unheard

    # --- Looking -------------------------------------------------------------------------------

    def speech(self, item: str) -> Speech | None:
        """Return the item, if it is not done with."""
        return next((speech for speech in self._queue if speech.item == item), None)

    def pending(self) -> Iterator[Speech]:
        """Iterate over the items not heard to the end, in speaking order."""
        return iter(self._queue)

    def _being_sent(self) -> Speech | None:
        """Return the first item not all sent: those behind it wait, even if it has no audio yet."""
        for speech in self._queue:
            if not speech.all_sent:
                return speech
        return None

    def _ahead_ms(self, now: float) -> int:
        return max(0, round((self._plays_until - now) * 1_000))
