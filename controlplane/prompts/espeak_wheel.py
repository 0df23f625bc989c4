"""`python -m controlplane.prompts.espeak_wheel VOICE SPEED PITCH`: says standard input, as WAV.

It takes the same text and gives the same sound as Debian's program `espeak-ng --stdin --stdout`,
for machines that have only the wheel `espeakng-loader`. eSpeak NG is GPL-3.0: it is loaded into
this process and into no other, which exchanges nothing but that text and that sound with ours.
"""

import ctypes
import sys
import wave
from collections.abc import Sequence
from typing import Final

import espeakng_loader

# speak_lib.h of eSpeak NG 1.52
_SYNCHRONOUS: Final = 2
_CHARACTERS_UTF8: Final = 1
_POSITION_CHARACTER: Final = 1
_RATE: Final = 1
_PITCH: Final = 3
_OK: Final = 0

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class SynthesisFailed(RuntimeError):
    """eSpeak NG did not take what it was given."""


def run(arguments: Sequence[str]) -> None:
    """Speak. Raise SynthesisFailed."""
    voice, speed, pitch = arguments
    l16, rate_hz = synthesise(sys.stdin.read(), voice=voice, speed=int(speed), pitch=int(pitch))
    with wave.open(sys.stdout.buffer, "wb") as sound:
        sound.setparams((1, 2, rate_hz, len(l16) // 2, "NONE", ""))
        sound.writeframes(l16)


def synthesise(text: str, *, voice: str, speed: int, pitch: int) -> tuple[bytes, int]:
    """Return mono L16 and its rate in Hz. `speed` is words a minute, `pitch` 0 to 99."""
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    chunks: list[bytes] = []

    def take(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    folder = espeakng_loader.get_data_path().encode()
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, folder, 0)
    if rate_hz <= 0 or library.espeak_SetVoiceByName(voice.encode()) != _OK:
        raise SynthesisFailed(f"no voice {voice}")
    library.espeak_SetParameter(_RATE, speed, 0)
    library.espeak_SetParameter(_PITCH, pitch, 0)
    callback = _Callback(take)
    library.espeak_SetSynthCallback(callback)
    data = text.encode() + b"\0"
    size = ctypes.c_size_t(len(data))
    done = library.espeak_Synth(data, size, 0, _POSITION_CHARACTER, 0, _CHARACTERS_UTF8, None, None)
    if done != _OK or library.espeak_Synchronize() != _OK:
        raise SynthesisFailed("the text was not spoken")
    return b"".join(chunks), int(rate_hz)


if __name__ == "__main__":
    run(sys.argv[1:])
