"""The WAV file FreeSWITCH records a message into, and the one that is kept.

Pure. FreeSWITCH writes the strings the dialplan gave it into a LIST INFO chunk before the sound,
and the sizes when it closes the file: of one it never closed the sound goes on to the end.
"""

import struct
from array import array
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from controlplane.contracts.media import FRAME_MS, L16_BYTES_PER_MS, SAMPLE_RATE_HZ

VOICE_LEVEL: Final = 200
"""Mean amplitude of a frame somebody speaks in; the dialplan's `record` stops by the same."""
SHORTEST_MS: Final = 1_000
SHORTEST_VOICE_MS: Final = 200
"""A word is as long; less is a handset being put down."""

_LAYOUT: Final = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * 2, 2, 16)


class UnusableRecording(ValueError):
    """Not a message anybody could listen to. `reason` is a metric's label."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono 8 kHz L16, for whom, and from whom, as the carrier wrote it (None when hidden)."""

    restaurant_id: UUID
    caller: str | None
    l16: bytes

    @property
    def duration_ms(self) -> int:
        return len(self.l16) // L16_BYTES_PER_MS

    @classmethod
    def parse(cls, wav: bytes) -> "Recording":
        """Read it. Raises `UnusableRecording`: unreadable, too short, or nobody says anything."""
        strings, l16 = _read(wav)
        try:
            restaurant_id = UUID(strings.get(b"ICMT", ""))
        except ValueError as error:
            raise UnusableRecording("unreadable") from error
        recording = cls(restaurant_id, strings.get(b"IART"), l16)
        if recording.duration_ms < SHORTEST_MS:
            raise UnusableRecording("short")
        if _voice_ms(l16) < SHORTEST_VOICE_MS:
            raise UnusableRecording("silent")
        return recording

    def wav(self) -> bytes:
        """Write it without the strings: the number is kept in one place."""
        size = len(self.l16)
        head = b"WAVEfmt " + struct.pack("<I", len(_LAYOUT)) + _LAYOUT
        riff = struct.pack("<I", len(head) + 8 + size)
        return b"RIFF" + riff + head + b"data" + struct.pack("<I", size) + self.l16


def _read(wav: bytes) -> tuple[dict[bytes, str], bytes]:
    """The strings of LIST INFO, and the sound."""
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        raise UnusableRecording("unreadable")
    strings: dict[bytes, str] = {}
    position = 12
    while position + 8 <= len(wav):
        name, size = wav[position : position + 4], _size(wav, position)
        body = wav[position + 8 : position + 8 + size]
        if name == b"fmt " and body[:16] != _LAYOUT:
            raise UnusableRecording("unreadable")
        if name == b"LIST" and body[:4] == b"INFO":
            strings = _strings(body[4:])
        if name == b"data":
            sound = body or wav[position + 8 :]
            return strings, sound[: len(sound) // 2 * 2]
        position += 8 + size + size % 2
    raise UnusableRecording("unreadable")


def _strings(info: bytes) -> dict[bytes, str]:
    found, position = {}, 0
    while position + 8 <= len(info):
        size = _size(info, position)
        text = info[position + 8 : position + 8 + size].split(b"\0")[0]
        found[info[position : position + 4]] = text.decode("ascii", "replace")
        position += 8 + size + size % 2
    return found


def _size(data: bytes, position: int) -> int:
    return int.from_bytes(data[position + 4 : position + 8], "little")


def _voice_ms(l16: bytes) -> int:
    frame = FRAME_MS * SAMPLE_RATE_HZ // 1_000
    samples = array("h", l16)
    loud = sum(
        sum(map(abs, samples[start : start + frame])) >= VOICE_LEVEL * frame
        for start in range(0, len(samples), frame)
    )
    return loud * FRAME_MS
