"""How long the demo's assistant was still heard once its caller spoke over it.

It goes by loudness, so it holds for any voice; a pause that the voice makes itself is silence too.
Benchmarks, which must be right to the frame, read the simulator's tones (`bench/measures.py`).
"""

from collections.abc import Sequence
from typing import Final

from controlplane.local.demo.caller import AUDIBLE_RMS, rms
from controlplane.local.demo.journal import JournalEntry
from freeswitch.telephone.rtp_session import ReceivedFrame

PAUSE_S: Final = 0.3
"""A voice that is not heard for longer has stopped: its own pauses are shorter, and a worker that
takes the caller's words for a noise goes on after half a second."""


def silence_after_interruption_ms(
    journal: Sequence[JournalEntry], frames: Sequence[ReceivedFrame]
) -> float | None:
    """Return how long the voice went on after `speech_started`, in ms, at worst.

    None: the caller never spoke while the assistant did.
    """
    audible = [frame.at for frame in frames if rms(frame.l16) >= AUDIBLE_RMS]
    lasted_ms = [
        1_000 * (last_heard(audible, since=at) - at) for at in interruptions(journal, audible)
    ]
    return round(max(lasted_ms), 1) if lasted_ms else None


def interruptions(journal: Sequence[JournalEntry], audible: Sequence[float]) -> list[float]:
    """Return when the caller was noticed to speak while the assistant did (monotonic seconds)."""
    began = [entry.at for entry in journal if entry.kind == "SpeechStarted"]
    return [at for at in began if any(at - PAUSE_S <= heard <= at for heard in audible)]


def last_heard(audible: Sequence[float], *, since: float) -> float:
    """Return when a voice that was speaking at `since` was last heard before it stopped."""
    last = since
    for at in audible:
        if at > last + PAUSE_S:
            return last
        last = max(last, at)
    return last
