"""Paces the assistant's speech into the stream, and knows what the caller heard of it.

The only writer of the call's WebSocket. Control messages go before audio.
"""

import asyncio
import time
from collections import deque
from typing import Final

from aiworker.media.frames import stream_audio
from aiworker.media.playout import Playout, Speech
from aiworker.media.stream import MediaStream
from controlplane.contracts.messages import Clear, Cleared, Mark, Marked, Message

_LONGEST_SLEEP: Final = 1.0
"""Nothing is due, and whatever comes wakes the sender: this only bounds its wait."""


class SpeechOutput:
    """It says what the assistant says in one call. What does not send returns at once."""

    def __init__(self, stream: MediaStream) -> None:
        self._stream = stream
        self._playout = Playout()
        self._controls: deque[Message] = deque()
        self._wake = asyncio.Event()

    async def send_next(self) -> None:
        """Send what is due, then wait until something may be. Raises `StreamOver`."""
        self._wake.clear()
        await self.send_due()
        now = time.monotonic()
        due = self._playout.next_chunk_at(now)
        delay = _LONGEST_SLEEP if due is None else min(due - now, _LONGEST_SLEEP)
        if delay > 0 and not self._controls:
            await self._sleep(delay)

    async def send_due(self) -> None:
        """Send what may be sent now. Raises `StreamOver`."""
        while True:
            while self._controls:
                await self._stream.send(self._controls.popleft().to_json())
            chunk = self._playout.next_chunk(time.monotonic())
            if chunk is None:
                break
            await self._stream.send(
                stream_audio(
                    chunk.pcmu, item=chunk.item, seq=chunk.seq, generation=chunk.generation
                )
            )
        while (seq := self._playout.mark_due()) is not None:
            await self._stream.send(Mark(seq=seq).to_json())

    async def _sleep(self, delay: float) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(delay, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()

    # --- Speech --------------------------------------------------------------------------------

    def say(self, item: str, pcmu: bytes, *, response: str, content_index: int) -> None:
        """Queue audio of an item."""
        self._playout.receive(item, pcmu, response=response, content_index=content_index)
        self._wake.set()

    def end_item(self, item: str) -> None:
        self._playout.end_item(item)
        self._wake.set()

    def end_response(self, response: str) -> None:
        """End its items: whatever it sent is all there is."""
        for speech in list(self._playout.pending()):
            if speech.response == response:
                self.end_item(speech.item)

    def caption(self, item: str, text: str) -> None:
        """Keep the words of an item, as far as known."""
        if (speech := self._playout.speech(item)) is not None:
            speech.text = text

    def control(self, message: Message) -> None:
        """Send a request to the bridge."""
        self._controls.append(message)
        self._wake.set()

    # --- What the caller hears -----------------------------------------------------------------

    def audible(self) -> bool:
        """Say whether the caller hears the assistant, or is about to."""
        return self._playout.audible(time.monotonic())

    def unheard_ms(self) -> int:
        return self._playout.unheard_ms(time.monotonic())

    def silent_since(self) -> float:
        """Say when the last audio sent was played, or will have been."""
        return self._playout.silent_since()

    def all_sent(self) -> bool:
        return all(speech.all_sent for speech in self._playout.pending())

    def all_heard(self) -> bool:
        return not any(True for _ in self._playout.pending())

    def heard_of(self, item: str) -> tuple[int, int] | None:
        """Return (heard, received) ms of an item not yet done with, by the clock."""
        return self._playout.heard_of(item, time.monotonic())

    def last_text(self) -> str:
        """Return the words of the item at the end of the queue."""
        texts = [speech.text for speech in self._playout.pending()]
        return texts[-1] if texts else ""

    def marked(self, message: Marked) -> list[Speech]:
        """Take the bridge's word. Returns the items that were heard to their end."""
        return self._playout.marked(message.seq)

    def overdue(self) -> list[Speech]:
        """Return items whose mark should long have come: they count as heard."""
        return self._playout.overdue(time.monotonic())

    def say_again(self) -> None:
        """Say once more what nobody says was heard: the bridge's agent is another one."""
        self._playout.say_again()
        self._wake.set()

    # --- Interruption --------------------------------------------------------------------------

    def pause(self) -> bool:
        """Fall silent now. True when a `Cleared` will say what was heard."""
        clear = self._playout.pause(time.monotonic())
        if clear:
            self.control(Clear(generation=self._playout.generation))
        return clear

    def on_cleared(self, message: Cleared) -> bool:
        """Take the bridge's word; False when it answers an older `Clear`."""
        if message.generation != self._playout.generation or not self._playout.paused:
            return False
        self._playout.cleared(message.item, message.played_ms)
        return True

    def resume(self) -> list[Speech]:
        """Go on from the millisecond that was heard. Returns items heard to their end."""
        self._wake.set()
        return self._playout.resume()

    def close(self) -> list[Speech]:
        """Say no more: the call is over. Returns what was being heard, as far as it was."""
        self._playout.pause(time.monotonic())
        return self._playout.drop()

    def drop(self) -> list[Speech]:
        """Forget the rest. Returns the items, with what was heard of each."""
        return self._playout.drop()
