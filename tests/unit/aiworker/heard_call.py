"""One call of a worker, its caller's sounds and a Realtime server that hears them, in virtual time.

The server is the simulator's ear (its energy detector on the audio it is sent) and a model that
answers each `response.create` with speech. A minute of a call takes well under a second.
"""

import asyncio
import base64
import heapq
import json
from collections.abc import Callable
from itertools import count
from typing import Any, Final, cast

import pytest

from aiworker.media.frames import assistant_l16
from aiworker.realtime.client_events import ClientEvent
from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.events import (
    InputCommitted,
    InputTranscribed,
    SpeechStarted,
    SpeechStopped,
    TranscriptionFailed,
)
from aiworker.simulator.audio_format import AudioFormat
from aiworker.simulator.input_audio import InputAudio
from aiworker.simulator.vad import SpeechBegan, VadSettings
from controlplane.contracts.media import L16_BYTES_PER_MS, PCMU_BYTES_PER_MS
from controlplane.contracts.messages import Hangup
from tests.unit.aiworker.one_call import OneCall, RecordedSession

FRAME_MS: Final = 40
FRAMES_PER_TICK: Final = 2
TRANSCRIBED_S: Final = 0.4
ANSWERS_S: Final = 0.5
SOUND: Final = assistant_l16(bytes([0x90, 0x10]) * (FRAME_MS * PCMU_BYTES_PER_MS // 2))
QUIET: Final = bytes(FRAME_MS * L16_BYTES_PER_MS)


class HearingSession(RecordedSession):
    """A Realtime session that hears what it is sent, and answers when it is asked to."""

    def __init__(self, heard: "HeardCall", *, silence_ms: int) -> None:
        super().__init__(heard.now)
        self._heard = heard
        self._audio = InputAudio(AudioFormat.PCMU, VadSettings(silence_duration_ms=silence_ms))
        self._numbers = count()

    def append_audio(self, pcmu: bytes) -> None:
        for noticed in self._audio.append(pcmu):
            if isinstance(noticed, SpeechBegan):
                self._heard.happens(SpeechStarted())
            else:
                self._audio.take_turn(noticed.audio_end_ms)
                self._end_turn(f"turn_{next(self._numbers)}")

    def send(self, event: ClientEvent) -> None:
        super().send(event)
        if event["type"] == "response.create":
            self._heard.later(ANSWERS_S, self._heard.answer)

    def _end_turn(self, item: str) -> None:
        self._heard.happens(SpeechStopped())
        self._heard.happens(InputCommitted(item_id=item))
        self._heard.turns_ended_at.append(self._heard.now)
        self._heard.transcribe(item)


class HeardCall(OneCall):
    """A call whose caller makes sounds; what they mean is said by `transcripts`."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        *,
        silence_ms: int = 500,
        transcribed_s: float = TRANSCRIBED_S,
    ) -> None:
        """A turn is over after `silence_ms`, and its words are known `transcribed_s` later."""
        super().__init__(monkeypatch)
        self.answer_ms = 2_000
        self._transcribed_s = transcribed_s
        self.transcripts: Callable[[], str | None] = lambda: "Une reine"
        """What the next turn is transcribed as; None for one that fails."""
        self.turns_ended_at: list[float] = []
        self.answered_at: list[float] = []
        self.spoken_ms = 0
        """So much of the assistant's speech was sent to be played."""
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._frames = count()
        self.session = HearingSession(self, silence_ms=silence_ms)
        self.end_greeting()
        self.call.session_opened(cast("RealtimeLink", self.session))

    # --- The caller ----------------------------------------------------------------------------

    def sound(self, ms: int) -> None:
        """Let the caller speak, or a door slam, for so long."""
        self._pass(ms, SOUND)

    def quiet(self, seconds: float) -> None:
        self._pass(round(seconds * 1_000), QUIET)

    def no_frames(self, seconds: float) -> None:
        """Let no frame of the caller arrive for so long."""
        self._pass(round(seconds * 1_000), None)

    def _pass(self, ms: int, frame: bytes | None) -> None:
        for _ in range(ms // FRAME_MS):
            self.now += FRAME_MS / 1_000
            if frame is not None:
                self.call.hear(frame)
            while self._due and self._due[0][0] <= self.now:
                heapq.heappop(self._due)[2]()
            if next(self._frames) % FRAMES_PER_TICK == 0:
                asyncio.run(self.call.speech_output.send_due())
                self.call.tick()

    # --- The server ----------------------------------------------------------------------------

    def later(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._order), do))

    def happens(self, event: Any) -> None:
        self.later(0.0, lambda: self.call.on_realtime_event(event))

    def transcribe(self, item: str) -> None:
        text = self.transcripts()
        told = InputTranscribed(item_id=item, transcript=text)
        failed = TranscriptionFailed(item_id=item)
        event = failed if text is None else told
        self.later(self._transcribed_s, lambda: self.call.on_realtime_event(event))

    def answer(self) -> None:
        self.answered_at.append(self.now)
        self.says("Bien sûr.", ms=self.answer_ms)

    # --- What came of it -----------------------------------------------------------------------

    async def send(self, text: str) -> None:
        await super().send(text)
        if '"streamAudio"' in text:
            audio = base64.b64decode(json.loads(text)["data"]["audioData"])
            self.spoken_ms += len(audio) // L16_BYTES_PER_MS

    @property
    def hung_up(self) -> bool:
        return any(isinstance(request, Hangup) for request in self.sent)

    def cut(self) -> bool:
        """Say whether the model was told that something it said was not heard."""
        types = {event["type"] for event in self.session.sent}
        return bool(types & {"conversation.item.truncate", "conversation.item.delete"})
