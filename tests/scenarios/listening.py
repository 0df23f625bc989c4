"""What a caller of a scenario heard, and for how long they heard nothing."""

from collections.abc import Sequence
from itertools import pairwise

from controlplane.local.demo.caller import AUDIBLE_RMS, rms
from freeswitch.telephone.rtp_session import ReceivedFrame

LONGEST_SILENCE_S = 3.0
"""The promise: a caller never hears more unexplained silence than this."""


def longest_silence_s(frames: Sequence[ReceivedFrame], *, since: float, until: float) -> float:
    """The longest stretch without an audible frame between two instants (monotonic seconds)."""
    audible = [f.at for f in frames if since <= f.at <= until and rms(f.l16) >= AUDIBLE_RMS]
    instants = [since, *audible, until]
    return max(after - before for before, after in pairwise(instants))
