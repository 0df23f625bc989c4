"""The demo's call, to be listened to: a stereo WAV, the caller left, the assistant right."""

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from controlplane.contracts.media import FRAME_MS, L16_BYTES_PER_MS, SAMPLE_RATE_HZ
from freeswitch.telephone.dialog import Utterance
from freeswitch.telephone.rtp_session import ReceivedFrame

JITTER_MS: Final = 60
"""A frame that comes up to this late follows the one before it without a gap, as in a telephone."""


class CallRecording:
    """Both sides of one call as the caller's telephone has them, times in monotonic seconds."""

    def __init__(self) -> None:
        self._said: list[tuple[Utterance, bytes]] = []
        self._heard: list[ReceivedFrame] = []

    def say(self, utterance: Utterance, l16: bytes) -> None:
        """Take what the caller begins to say."""
        self._said.append((utterance, l16))

    def hear(self, frame: ReceivedFrame) -> None:
        """Take one frame of the other side."""
        self._heard.append(frame)

    def write(self, file: Path) -> bool:
        """Write the WAV (8 kHz, 16 bits), from the first frame heard on. False: nothing was."""
        if not self._heard:
            return False
        began = self._heard[0].at
        right = _placed([(frame.at - began, frame.l16) for frame in self._heard])
        left = _placed(
            [(said.started_at - began, l16) for said, l16 in self._said if said.started_at]
        )
        both = np.zeros((max(len(left), len(right)) // 2, 2), dtype="<i2")
        for side, l16 in enumerate((left, right)):
            both[: len(l16) // 2, side] = np.frombuffer(l16, dtype="<i2")
        with wave.open(str(file), "wb") as sound:
            sound.setparams((2, 2, SAMPLE_RATE_HZ, len(both), "NONE", ""))
            sound.writeframes(both.tobytes())
        return True


def _placed(pieces: Sequence[tuple[float, bytes]]) -> bytes:
    """Put L16 pieces at their times (seconds), silence between them."""
    track = bytearray()
    for at, l16 in pieces:
        late_ms = round(at * 1_000) - len(track) // L16_BYTES_PER_MS
        if late_ms > JITTER_MS or not track:
            whole_ms = max(0, late_ms) // FRAME_MS * FRAME_MS
            track += bytes(whole_ms * L16_BYTES_PER_MS)
        track += l16
    return bytes(track)
