"""eSpeak NG, the synthesiser of machines without an account at OpenAI: a program a sentence.

Debian's `espeak-ng` is taken where it is on PATH, else the wheel `espeakng-loader`, which local
stacks bring, through `espeak_wheel.py`. It is GPL-3.0: nothing of it is loaded into this process.
"""

import importlib.util
import io
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from controlplane.prompts.speech import Speech, SpeechFailed

DEADLINE_S: Final = 10.0
"""A sentence takes about 50 ms, a second on a machine under load."""


@dataclass(frozen=True)
class Voice:
    """An espeak-ng voice, its speed in words per minute and its pitch from 0 to 99."""

    name: str
    speed: int
    pitch: int


ASSISTANT: Final = Voice("fr+f2", 178, 52)
"""The voice of the packaged prompts. It stands in for every voice of OpenAI's."""

_RESPELT: Final = {
    # As a French voice says them: espeak-ng reads these with its own rules.
    "margherita": "marguérita",
    "Bella Napoli": "Béla Napoli",
    "Mmh.": "[[m:m:m:]]",
    "mozzarella": "modzaréla",
}


def pronounced(text: str) -> str:
    """Return `text` as espeak-ng is to read it."""
    for written, spoken in _RESPELT.items():
        text = re.sub(re.escape(written), spoken, text, flags=re.IGNORECASE)
    return text


@lru_cache(maxsize=2)
def synthesiser(voice: Voice = ASSISTANT) -> tuple[str, ...] | None:
    """Return the command that says its standard input as WAV, None where there is none."""
    if program := shutil.which("espeak-ng"):
        options = (
            "-v",
            voice.name,
            "-s",
            str(voice.speed),
            "-p",
            str(voice.pitch),
            "-b",
            "1",
        )
        return (program, *options, "--stdin", "--stdout")
    return of_the_wheel(voice)


def of_the_wheel(voice: Voice = ASSISTANT) -> tuple[str, ...] | None:
    """Return the same command over the wheel, None where it is not installed."""
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    module = (sys.executable, "-m", "controlplane.prompts.espeak_wheel")
    return (*module, voice.name, str(voice.speed), str(voice.pitch))


def say(text: str, command: Sequence[str]) -> Speech:
    """Have `command` say it. Raise SpeechFailed."""
    try:
        ended = subprocess.run(
            command,
            input=pronounced(text).encode(),
            capture_output=True,
            check=True,
            timeout=DEADLINE_S,
        )
        return read_wav(ended.stdout)
    except (subprocess.SubprocessError, OSError, EOFError, wave.Error) as error:
        raise SpeechFailed(f"espeak-ng: {type(error).__name__}") from None


def read_wav(sound: bytes) -> Speech:
    """Read a mono 16-bit WAV as a program writes it to a pipe: it has to announce a length that it
    does not know yet.
    """
    with wave.open(io.BytesIO(sound)) as file:
        return Speech(file.readframes(len(sound) // 2), file.getframerate())
