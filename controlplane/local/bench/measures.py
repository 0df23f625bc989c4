"""Measures what a call was like at the caller's ear: the telephone's frames against the journal.

The simulator's voice carries its frame numbers in tones, so which milliseconds were heard, and
when, is read from the sound itself. Both sides use this machine's monotonic clock.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from aiworker.simulator.tone_code import decode
from controlplane.contracts.media import FRAME_MS
from controlplane.local.demo.journal import JournalEntry
from freeswitch.telephone.rtp_session import ReceivedFrame

CODES: Final = 4_096
"""Frame numbers on the wire are modulo this."""

STOPPED_S: Final = 0.1
"""A voice has stopped after this long without a frame: five missing in a row are no jitter."""

SILENCE_WINDOW_S: Final = 1.0
"""The assistant's voice must have stopped this long after `speech_started`."""


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """One tone-coded frame at the caller's ear."""

    at: float
    code: int


def heard_frames(frames: Sequence[ReceivedFrame]) -> list[HeardFrame]:
    """Return the tone-coded frames among those received."""
    decoded = ((frame.at, decode(frame.l16)) for frame in frames)
    return [HeardFrame(at, code) for at, code in decoded if code is not None]


def delta_to_ear_ms(journal: Sequence[JournalEntry], heard: Sequence[HeardFrame]) -> list[float]:
    """Measure, for each item, from the first audio delta sent to its first frame at the ear."""
    delays = []
    seen: set[str] = set()
    for entry in journal:
        if entry.kind != "AudioSent" or entry.fields["item_id"] in seen:
            continue
        seen.add(entry.fields["item_id"])
        code = entry.fields["first_frame"] % CODES
        arrival = next((f.at for f in heard if f.code == code and f.at >= entry.at), None)
        if arrival is not None:
            delays.append((arrival - entry.at) * 1_000)
    return delays


def interrupt_to_silence_ms(
    journal: Sequence[JournalEntry], heard: Sequence[HeardFrame]
) -> list[float]:
    """Measure, for each `speech_started` while the assistant was heard, until the voice stopped.

    It may come back: a noise that was no interruption resumes the sentence half a second later. A
    voice that does not stop at all counts as `SILENCE_WINDOW_S`.
    """
    delays = []
    for entry in journal:
        if entry.kind != "SpeechStarted" or not _speaking_at(entry.at, journal, heard):
            continue
        last = entry.at
        for frame in heard:
            if entry.at < frame.at <= entry.at + SILENCE_WINDOW_S:
                if frame.at - last > STOPPED_S:
                    break
                last = frame.at
        delays.append((last - entry.at) * 1_000)
    return delays


def heard_error_ms(journal: Sequence[JournalEntry], heard: Sequence[HeardFrame]) -> list[float]:
    """Return, for each accepted truncation, how far the reported heard position is from what the
    ear got of the item.
    """
    first_frames = {
        entry.fields["item_id"]: entry.fields["first_frame"]
        for entry in reversed(journal)
        if entry.kind == "AudioSent"
    }
    errors = []
    for entry in journal:
        if entry.kind != "Truncated" or not entry.fields["accepted"]:
            continue
        first = first_frames.get(entry.fields["item_id"])
        codes = {f.code for f in heard if f.at <= entry.at + SILENCE_WINDOW_S}
        if first is None:
            continue
        frames = 0
        while frames < CODES and (first + frames) % CODES in codes:
            frames += 1
        errors.append(abs(entry.fields["audio_end_ms"] - frames * FRAME_MS))
    return errors


def gaps_ms(heard: Sequence[HeardFrame], *, skip_first_ms: int) -> list[float]:
    """Return the holes in one continuous stretch of speech: time between frames beyond the 20 ms of
    one.

    Frames that never came count as their own length, whenever the next one arrived.
    """
    if not heard:
        return []
    start = heard[0].at + skip_first_ms / 1_000
    gaps = []
    for before, after in pairwise(heard):
        if after.at < start:
            continue
        lost = ((after.code - before.code) % CODES - 1) * FRAME_MS
        late = (after.at - before.at) * 1_000 - FRAME_MS
        gaps.append(max(late, lost, 0.0))
    return gaps


def percentile(values: Sequence[float], fraction: float) -> float | None:
    """Return the nearest-rank percentile, or None when there are no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def _speaking_at(at: float, journal: Sequence[JournalEntry], heard: Sequence[HeardFrame]) -> bool:
    """Tell whether the assistant was heard just before, with more to say: an end is no
    interruption.
    """
    if not any(at - 0.1 <= frame.at <= at for frame in heard):
        return False
    sent = [e for e in journal if e.kind == "AudioSent" and e.at <= at]
    if not sent:
        return True
    last = (sent[-1].fields["first_frame"] + sent[-1].fields["frames"] - 1) % CODES
    return not any(frame.code == last and frame.at <= at for frame in heard)
