"""A voice that people can hear, instead of tones: eSpeak NG in French, as telephones carry it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from controlplane.prompts.speech import SpeechFailed
from controlplane.prompts.synthesiser import DEADLINE_S, pronounced, read_wav
from controlplane.prompts.telephone_sound import telephone_sound

_SENTENCES_KEPT: Final = 64


class EspeakVoice:
    """Sentences as L16 at 8 kHz; the last ones are kept."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._spoken: dict[str, bytes] = {}

    async def speech(self, text: str) -> bytes:
        """Return `text` spoken, in whole 20 ms frames. Raise SpeechFailed or TimeoutError."""
        if text not in self._spoken:
            if len(self._spoken) >= _SENTENCES_KEPT:
                self._spoken.pop(next(iter(self._spoken)))
            sound = await self._synthesise(pronounced(text))
            self._spoken[text] = telephone_sound(read_wav(sound)).l16
        return self._spoken[text]

    async def _synthesise(self, text: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(DEADLINE_S):
                sound, _ = await process.communicate(text.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode or not sound:
            raise SpeechFailed(f"{self._command[0]} ended with {process.returncode}")
        return sound
