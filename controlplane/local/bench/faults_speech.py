"""What the simulated assistant says in a benchmark of faults, and what of it a caller's ear got.

The voice carries frame numbers in tones (`aiworker/simulator/tone_code.py`); a `Saying` knows which
words go with which frames. So the words a caller heard are read from the sound itself, whatever the
worker believes. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from controlplane.local.bench.measures import CODES

JITTER_FRAMES: Final = 5
"""Words are lost once more than 100 ms of them are missing."""
STILL_HEARD_S: Final = 60.0
"""A sentence is heard at the latest this long after it was sent: longer ones do not exist here."""


@dataclass(frozen=True, slots=True)
class Heard:
    """20 ms at the caller's ear, at a monotonic second; `code` is the assistant's frame number."""

    at: float
    code: int | None
    audible: bool = field(default=True, kw_only=True)


@dataclass(slots=True)
class Saying:
    """One item of the assistant, as the model's server sent it, or would have but for a fault."""

    item_id: str
    first_code: int
    """Its first frame's number, which may be beyond `CODES`."""
    began_at: float
    text: str = ""
    """What it says, which is known once all of it was made."""
    frames: int = 0
    whole: bool = False
    """Its response was completed: nobody cut it short."""

    def has(self, heard: Heard) -> bool:
        """Tell whether a frame at the ear may be one of this item's."""
        if heard.code is None or not self.began_at <= heard.at <= self.began_at + STILL_HEARD_S:
            return False
        return (heard.code - self.first_code) % CODES < self.frames

    def is_end(self, codes: Iterable[int]) -> bool:
        """Tell whether the last of its frames are among these."""
        last = max((code - self.first_code) % CODES for code in codes)
        return last + JITTER_FRAMES >= self.frames - 1

    def words(self, codes: Iterable[int]) -> str:
        """Return the text that these frames say, up to the first hole in them."""
        got = 0
        for frame in sorted({(code - self.first_code) % CODES for code in codes}):
            if frame > got + JITTER_FRAMES:
                break
            got = frame + 1
        if got + JITTER_FRAMES >= self.frames:
            return self.text
        return self.text[: len(self.text) * got // self.frames]


@dataclass(frozen=True, slots=True)
class HeardSaying:
    """Words a caller got of one item, and whether they heard its end: it is their turn then, though
    a word in its middle was lost.
    """

    text: str
    ended: bool


def heard_sayings(heard: Iterable[Heard], sayings: Sequence[Saying]) -> list[HeardSaying]:
    """Return what was heard, item after item. Two items with one number: the later one is meant."""
    codes: dict[str, set[int]] = {}
    by_id = {saying.item_id: saying for saying in sayings}
    for frame in heard:
        if frame.code is None:
            continue
        fitting = [saying for saying in sayings if saying.has(frame)]
        if fitting:
            newest = max(fitting, key=lambda saying: saying.began_at)
            codes.setdefault(newest.item_id, set()).add(frame.code)
    found = []
    for item_id, got in codes.items():
        saying = by_id[item_id]
        found.append(HeardSaying(saying.words(got), ended=saying.whole and saying.is_end(got)))
    return found


def longest_silence_s(
    heard: Iterable[Heard],
    spoken: Iterable[tuple[float, float]],
    *,
    since: float,
    until: float,
) -> float:
    """Return the longest stretch in which neither anything was audible nor the caller spoke.

    `spoken` holds the begin and end of each thing the caller said (monotonic seconds).
    """
    sounds = [(frame.at, frame.at) for frame in heard if frame.audible]
    sounds += [(max(since, began), min(until, ended)) for began, ended in spoken]
    ordered = sorted(sound for sound in sounds if since <= sound[0] and sound[1] <= until)
    spans = [(since, since), *ordered, (until, until)]
    longest, sound_until = 0.0, since
    for _, (began, ended) in pairwise(spans):
        longest = max(longest, began - sound_until)
        sound_until = max(sound_until, ended)
    return longest
