"""The caller's side of a session: audio appended, turns found in it, items made and recognised."""

import asyncio
import base64
import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiworker.simulator.audio_format import L16_BYTES_PER_MS
from aiworker.simulator.conversation import Item
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.faults import FaultKind
from aiworker.simulator.hearing import Hearing
from aiworker.simulator.input_audio import InputAudio
from aiworker.simulator.journal import Heard, SpeechStarted, SpeechStopped
from aiworker.simulator.link import Link, new_id
from aiworker.simulator.session_config import SessionConfig
from aiworker.simulator.vad import SpeechBegan, SpeechEnded

MAX_APPEND_BYTES: Final = 15 * 1024 * 1024
HEARING_DEADLINE_S: Final = 5.0
"""A caller's turn is recognised in well under a second; later it counts as unintelligible."""


class CallerAudio:
    """One session's input buffer, voice detection and recognition."""

    def __init__(
        self,
        link: Link,
        config: SessionConfig,
        hearing: Hearing,
        *,
        turn_began: Callable[[], None],
        turn_ended: Callable[[], Awaitable[None]],
    ) -> None:
        self._link = link
        self._config = config
        self._hearing = hearing
        self._turn_began = turn_began
        self._turn_ended = turn_ended
        self._buffer = InputAudio(config.input_format, config.vad)
        self._turn_item_id = ""
        self._recognising: dict[str, asyncio.Task[None]] = {}
        self._words: dict[str, str] = {}

    @property
    def appended_ms(self) -> int:
        """The clock of the caller's audio."""
        return self._buffer.appended_ms

    @property
    def speaking(self) -> bool:
        """Whether the caller is inside a turn."""
        return self._buffer.speaking

    def configure(self) -> None:
        """Take the session's new configuration."""
        self._buffer.configure(self._config.input_format, self._config.vad)

    async def words_of(self, item_id: str) -> str | None:
        """Return what was said in a turn, once that is known; None for what is not a turn."""
        task = self._recognising.get(item_id)
        if task is None:
            return None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(task), HEARING_DEADLINE_S)
        return self._words.get(item_id, "")

    async def append(self, event: dict[str, Any]) -> None:
        """input_audio_buffer.append: take audio, and tell what the VAD finds in it."""
        try:
            audio = base64.b64decode(event["audio"], validate=True)
        except ValueError as error:
            raise InvalidRequest(
                "invalid_value",
                "Invalid 'audio'. Expected base64-encoded audio bytes.",
                param="audio",
            ) from error
        if len(audio) > MAX_APPEND_BYTES:
            raise InvalidRequest(
                "string_above_max_length", "Invalid 'audio': too long.", param="audio"
            )
        for noticed in self._buffer.append(audio):
            if isinstance(noticed, SpeechBegan):
                await self._speech_began(noticed)
            else:
                await self._speech_ended(noticed)

    async def _speech_began(self, began: SpeechBegan) -> None:
        self._turn_item_id = new_id("item")
        await self.speech_started(began.audio_start_ms, self._turn_item_id, real=True)
        self._turn_began()

    async def speech_started(self, start_ms: int, item_id: str, *, real: bool) -> None:
        """Say that the caller speaks; `real` is False when a fault makes it up."""
        self._link.note(
            SpeechStarted(
                session_id=self._link.session_id,
                item_id=item_id,
                audio_start_ms=start_ms,
                appended_ms=self._buffer.appended_ms,
                real=real,
            )
        )
        await self._link.send(
            "input_audio_buffer.speech_started", audio_start_ms=start_ms, item_id=item_id
        )

    async def _speech_ended(self, ended: SpeechEnded) -> None:
        audio = self._buffer.take_turn(ended.audio_end_ms)
        await self.speech_stopped(ended.audio_end_ms, self._turn_item_id)
        await self.committed(self._turn_item_id, audio)
        await self._turn_ended()

    async def speech_stopped(self, end_ms: int, item_id: str) -> None:
        """Say that the caller's turn is over."""
        self._link.note(
            SpeechStopped(
                session_id=self._link.session_id,
                item_id=item_id,
                audio_end_ms=end_ms,
                appended_ms=self._buffer.appended_ms,
            )
        )
        await self._link.send(
            "input_audio_buffer.speech_stopped", audio_end_ms=end_ms, item_id=item_id
        )

    async def commit(self, event: dict[str, Any]) -> None:
        """input_audio_buffer.commit: make the buffer an item."""
        speaking = self._buffer.speaking
        audio = self._buffer.commit()
        await self.committed(self._turn_item_id if speaking else new_id("item"), audio)

    async def clear(self, event: dict[str, Any]) -> None:
        """input_audio_buffer.clear: forget the buffer."""
        self._buffer.clear()
        await self._link.send("input_audio_buffer.cleared")

    async def committed(self, item_id: str, audio: bytes) -> None:
        """Make the turn an item, and have it recognised."""
        data = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        item = Item(data, audio_ms=len(audio) // L16_BYTES_PER_MS)
        before = self._link.conversation.add(item)
        await self._link.send(
            "input_audio_buffer.committed", item_id=item_id, previous_item_id=before
        )
        await self._link.send("conversation.item.added", previous_item_id=before, item=data)
        await self._link.send("conversation.item.done", previous_item_id=before, item=data)
        self._recognising[item_id] = self._link.spawn(self._recognise(item, audio))
        if self._config.data["audio"]["input"]["transcription"] is not None:
            self._link.spawn(self._transcribe(item))

    async def _recognise(self, item: Item, audio: bytes) -> None:
        found = await asyncio.to_thread(self._hearing.recognise, audio)
        item.transcript = self._words[item.id] = found.text
        self._link.note(
            Heard(
                session_id=self._link.session_id,
                item_id=item.id,
                transcript=found.text,
                score=found.score,
                audio_ms=item.audio_ms,
            )
        )

    async def _transcribe(self, item: Item) -> None:
        await asyncio.sleep(self._link.settings.transcription_ms / 1_000)
        words = await self.words_of(item.id) or ""
        prefix = "conversation.item.input_audio_transcription"
        where = {"item_id": item.id, "content_index": 0}
        if self._link.faults.use(FaultKind.TRANSCRIPTION_FAILED):
            error = {"type": "server_error", "code": "audio_unintelligible", "message": "failed"}
            await self._link.send(f"{prefix}.failed", error=error, **where)
            return
        if words:
            await self._link.send(f"{prefix}.delta", delta=words, **where)
        usage = {"type": "duration", "seconds": math.ceil(item.audio_ms / 1_000)}
        await self._link.send(f"{prefix}.completed", transcript=words, usage=usage, **where)
