"""Tells which of the bridge's own prompts a caller heard: those by which a human takes over."""

import wave
from collections.abc import Iterator, Sequence
from typing import Final

from aiworker.simulator.hearing import Hearing, Recording
from freeswitch.scripts.make_prompts import PROMPTS, SOUNDS
from freeswitch.telephone.rtp_session import ReceivedFrame

TO_A_HUMAN: Final = frozenset({"transfer", "transfer_person", "leave_message", "goodbye"})
"""Who hears one of these knows that the assistant has not placed anything for them."""
LAST_WORDS: Final = frozenset({"leave_message", "goodbye"})
"""After these nothing more is said: who stays on the line is recorded, or alone."""
PAUSE_S: Final = 0.25
"""A longer silence than this is between two prompts."""
LEAST_FRAMES: Final = 25
"""Half a second: tones and clicks are shorter."""


class PromptEar:
    """Knows the prompts by their sound."""

    def __init__(self) -> None:
        self._hearing = Hearing(
            Recording(name, _l16(name)) for name in PROMPTS if not name.startswith("greeting")
        )

    def given_to_a_human(self, audible: Sequence[ReceivedFrame]) -> bool:
        """Tell whether one of `TO_A_HUMAN` is in these frames, which are not the assistant's."""
        return any(self._name(stretch) in TO_A_HUMAN for stretch in _stretches(audible))

    def last_words_at(self, audible: Sequence[ReceivedFrame]) -> float | None:
        """Return when the first of `LAST_WORDS` ended (monotonic seconds); None without any."""
        ends = (one[-1].at for one in _stretches(audible) if self._name(one) in LAST_WORDS)
        return next(ends, None)

    def _name(self, stretch: Sequence[ReceivedFrame]) -> str:
        return self._hearing.recognise(b"".join(one.l16 for one in stretch)).text


def _stretches(audible: Sequence[ReceivedFrame]) -> Iterator[list[ReceivedFrame]]:
    stretch: list[ReceivedFrame] = []
    for frame in [*audible, None]:
        if frame is None or (stretch and frame.at - stretch[-1].at > PAUSE_S):
            if len(stretch) >= LEAST_FRAMES:
                yield stretch
            stretch = []
        if frame is not None:
            stretch.append(frame)


def _l16(name: str) -> bytes:
    with wave.open(str(SOUNDS / "fr" / f"{name}.wav")) as sound:
        frames: bytes = sound.readframes(sound.getnframes())
    return frames
