"""Reads what `playback` plays, as 8 kHz mono L16: sound files and the two synthetic streams."""

import math
import re
import struct
import wave
from pathlib import Path
from typing import Final

from controlplane.contracts.media import L16_BYTES_PER_MS, SAMPLE_RATE_HZ
from freeswitch.telephone.g711 import halve_rate

MAX_FILE_BYTES: Final = 60 * 60 * 1_000 * L16_BYTES_PER_MS
"""This is an hour of sound: more than any call."""
ENDLESS_MS: Final = 10 * 60 * 1_000
"""A tone stream with `loops=-1` lasts this long: longer than any caller listens."""
_TONE = re.compile(r"%\((\d+),(\d+),([\d.]+)[^)]*\)")


class SoundNotFound(OSError):
    """Raised where FreeSWITCH answers FILE NOT FOUND: no file, or a format it does not read."""


def read_sound(path: str) -> bytes:
    """Read a file or make a stream. Raises `SoundNotFound`."""
    scheme, separator, data = path.partition("://")
    if separator and scheme == "silence_stream":
        duration_ms = int(data.split(",")[0])
        return bytes((ENDLESS_MS if duration_ms < 0 else duration_ms) * L16_BYTES_PER_MS)
    if separator and scheme == "tone_stream":
        return _tone_stream(data)
    file = Path(path)
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise SoundNotFound("longer than an hour")
        match file.suffix:
            case ".r8" | ".raw":
                return _whole_samples(file.read_bytes())
            case ".r16":
                return halve_rate(_whole_samples(file.read_bytes()))
            case ".wav":
                return _read_wave(file)
    except (OSError, wave.Error, EOFError) as error:
        raise SoundNotFound(str(file)) from error
    raise SoundNotFound(f"no reader for {file.suffix}")


def _whole_samples(data: bytes) -> bytes:
    return data[: len(data) // 2 * 2]


def _read_wave(file: Path) -> bytes:
    with wave.open(str(file), "rb") as sound:
        if sound.getnchannels() != 1 or sound.getsampwidth() != 2:
            raise SoundNotFound("not mono 16 bit")
        frames = sound.readframes(sound.getnframes())
        match sound.getframerate():
            case 8_000:
                return frames
            case 16_000:
                return halve_rate(frames)
    raise SoundNotFound("neither 8 nor 16 kHz")


def _tone_stream(script: str) -> bytes:
    """Make the tones of `%(on ms,off ms,Hz)` (libteletone), enough for a ring-back or a waiting
    tone.
    """
    match = _TONE.search(script)
    if match is None:
        raise SoundNotFound("tone script without a tone")
    on_ms, off_ms, hertz = int(match[1]), int(match[2]), float(match[3])
    volume = re.search(r"v=(-?\d+)", script)
    amplitude = 32_767 * 10 ** (int(volume[1] if volume else "-7") / 20)
    step = 2 * math.pi * hertz / SAMPLE_RATE_HZ
    samples = [int(amplitude * math.sin(step * n)) for n in range(on_ms * SAMPLE_RATE_HZ // 1_000)]
    once = struct.pack(f"<{len(samples)}h", *samples) + bytes(off_ms * L16_BYTES_PER_MS)
    loops = re.search(r"(?:loops=|L=)(-?\d+)", script)
    count = int(loops[1]) if loops else 1
    period_ms = max(on_ms + off_ms, 1)
    return once * (ENDLESS_MS // period_ms if count < 0 else min(count, ENDLESS_MS // period_ms))
