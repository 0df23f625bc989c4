"""FreeSWITCH's application `record`: the caller's voice into a WAV file (`switch_ivr_record_file`,
mod_sndfile).

Strings given as `record_artist` and `record_comment` come before the sound, in a LIST INFO chunk;
sizes are right once the file is closed.
"""

import struct
from array import array
from pathlib import Path
from typing import BinaryIO, Final

from controlplane.contracts.media import SAMPLE_RATE_HZ
from freeswitch.simulator.session import Session
from freeswitch.telephone.g711 import FRAME_L16_BYTES, SILENCE_L16
from freeswitch.telephone.rtp_session import FRAME_S, ReceivedFrame

_STRINGS: Final = {"record_comment": b"ICMT", "record_artist": b"IART"}


async def record(session: Session, data: str) -> None:
    """Record as `<path> [<limit s>] [<threshold>] [<silence s>]` says."""
    path, *numbers = data.split()
    limit_s, threshold, silence_s = (*map(int, numbers), 0, 0, 0)[:3]
    channel = session.channel
    try:
        file = _open(session, Path(path))
    except OSError:
        session.hangup("DESTINATION_OUT_OF_ORDER")
        return
    with file:
        starts_at = file.tell()
        channel.fire("RECORD_START", {"Record-File-Path": path})
        await session.run_api_on("api_on_record_start")
        frames = await _record(
            session, file, limit_s=limit_s, threshold=threshold, silence_s=silence_s or 3
        )
        _write_sizes(file, starts_at)
    channel.set("record_seconds", str(int(frames * FRAME_S)))
    channel.set("record_ms", str(int(frames * FRAME_S * 1_000)))
    channel.fire("RECORD_STOP", {"Record-File-Path": path})


async def _record(
    session: Session, file: BinaryIO, *, limit_s: int, threshold: int, silence_s: int
) -> int:
    """Write frames until something ends the recording; return how many were written."""
    terminators = session.channel.variable("playback_terminators") or "*"
    heard: list[bytes] = []

    def listen(frame: ReceivedFrame) -> None:
        heard.append(frame.l16)

    session.frame_taps.append(listen)
    session.digits.clear()
    written = quiet = passed = 0
    try:
        while session.ready and not session.broken:
            await session.parse_private_events()
            if not await session.tick():
                continue
            if not session.ready:  # the call's sockets are closed
                break
            session.dialog.rtp.write(SILENCE_L16)
            passed += 1
            quiet = 0 if any(_loudness(l16) >= threshold for l16 in heard) else quiet + 1
            written += len(heard)
            file.write(b"".join(heard))
            heard.clear()
            over = limit_s and passed * FRAME_S > limit_s + 1
            silent = threshold and quiet * FRAME_S >= silence_s
            if over or silent or any(digit in terminators for digit in session.digits):
                break
    finally:
        session.frame_taps.remove(listen)
        session.broken = False
    return written


def _loudness(l16: bytes) -> float:
    return sum(map(abs, array("h", l16))) / max(len(l16) // 2, 1)


def _open(session: Session, path: Path) -> BinaryIO:
    strings = b""
    for variable, name in _STRINGS.items():
        if text := session.channel.variable(variable):
            value = text.encode() + b"\0"
            strings += name + struct.pack("<I", len(value)) + value + b"\0" * (len(value) % 2)
            session.channel.set(variable, None)
    info = b"LIST" + struct.pack("<I", 4 + len(strings)) + b"INFO" + strings if strings else b""
    layout = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * 2, 2, 16)
    file = path.open("wb", buffering=50 * FRAME_L16_BYTES)
    file.write(b"RIFF" + bytes(4) + b"WAVE")
    file.write(b"fmt " + struct.pack("<I", len(layout)) + layout + info)
    file.write(b"data" + bytes(4))
    file.flush()
    return file


def _write_sizes(file: BinaryIO, starts_at: int) -> None:
    ends_at = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", ends_at - 8))
    file.seek(starts_at - 4)
    file.write(struct.pack("<I", ends_at - starts_at))
