"""What a caller of a scenario heard, and for how long they heard nothing."""

from collections.abc import Sequence
from itertools import pairwise

from controlplane.local.bench.measures import heard_frames
from controlplane.local.demo.caller import AUDIBLE_RMS, rms
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.rtp_session import ReceivedFrame
from tests.waiting import until

LONGEST_SILENCE_S = 3.0
"""The promise: a caller never hears more unexplained silence than this."""


NEWEST_FRAMES = 25
"""Half a second."""


async def until_assistant_speaks(dialog: Dialog, *, since: float) -> None:
    """Wait for a frame of the assistant's voice, which no prompt and no tone is taken for."""
    await until(lambda: any(f.at > since for f in heard_frames(dialog.received[-NEWEST_FRAMES:])))


def is_audible(frame: ReceivedFrame) -> bool:
    """Speech or a tone, not comfort noise."""
    return rms(frame.l16) >= AUDIBLE_RMS


def longest_silence_s(frames: Sequence[ReceivedFrame], *, since: float, until: float) -> float:
    """The longest stretch without an audible frame between two instants (monotonic seconds)."""
    audible = [f.at for f in frames if since <= f.at <= until and is_audible(f)]
    instants = [since, *audible, until]
    return max(after - before for before, after in pairwise(instants))
