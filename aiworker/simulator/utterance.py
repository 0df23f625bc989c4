"""Synthetic caller speech for tests: any sentence as a sequence of tone pairs, always the same.

`Hearing` recognises it as it does a recording. Nothing in it sounds above 2.1 kHz, so a tone-code
decoder, which wants a third tone there, never takes it for the agent.
"""

import random
from collections.abc import Iterable
from typing import Final

import numpy as np

from aiworker.simulator.hearing import Hearing, Recording

MS_PER_CHARACTER: Final = 65
_SYLLABLE_MS: Final = 60
_FADE_MS: Final = 5
_RATE_PER_MS: Final = 8
_FREQUENCIES_HZ: Final = tuple(int(f) for f in np.geomspace(200, 2_050, 14))
_AMPLITUDE: Final = 7_000


def utterance(text: str) -> bytes:
    """Return `text` "spoken": L16 at 8 kHz, about 65 ms a character, in whole 60 ms syllables."""
    choice = random.Random(text)
    syllables = max(4, round(len(text) * MS_PER_CHARACTER / _SYLLABLE_MS))
    t = np.arange(_SYLLABLE_MS * _RATE_PER_MS)
    fade = np.minimum(1, np.minimum(t + 1, t[::-1] + 1) / (_FADE_MS * _RATE_PER_MS))
    sound = [
        sum(np.sin(2 * np.pi * f * t / 8_000) for f in choice.sample(_FREQUENCIES_HZ, 2)) * fade
        for _ in range(syllables)
    ]
    return (np.concatenate(sound) * _AMPLITUDE).astype("<i2").tobytes()


def hearing_of(texts: Iterable[str]) -> Hearing:
    """Return a hearing that knows these sentences as `utterance` says them."""
    return Hearing(Recording(text, utterance(text)) for text in texts)
