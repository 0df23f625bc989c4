"""The input audio buffer of one session, on the clock of appended audio."""

from collections.abc import Iterator
from typing import Final

from aiworker.simulator.audio_format import L16_BYTES_PER_MS, AudioFormat, Decoder
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.vad import (
    FRAME_BYTES,
    EnergyVad,
    SpeechBegan,
    SpeechEnded,
    VadSettings,
)

MIN_COMMIT_MS: Final = 100
SILENCE_KEPT_MS: Final = 30_000
"""Uncommitted silence kept while the VAD listens, so that an idle call does not grow."""


class InputAudio:
    """L16 at 8 kHz since the last commit or clear, and the voice-activity detector over it."""

    def __init__(self, audio_format: AudioFormat, vad: VadSettings | None) -> None:
        self._decoder = Decoder(audio_format)
        self._buffer = bytearray()
        self._buffer_start = 0
        """Byte position of the buffer's first byte in all appended audio."""
        self._scanned = 0
        self._settings = vad
        self._vad = EnergyVad(vad) if vad else None
        self.turn_start_ms = 0

    @property
    def appended_ms(self) -> int:
        """All audio ever appended, cleared or not: the clock of audio_start_ms."""
        return (self._buffer_start + len(self._buffer)) // L16_BYTES_PER_MS

    @property
    def speaking(self) -> bool:
        """Whether the detector is inside a turn."""
        return self._vad is not None and self._vad.speaking

    def configure(self, audio_format: AudioFormat, vad: VadSettings | None) -> None:
        """Take new settings; a turn being heard goes on only if they left the VAD as it was."""
        self._decoder = Decoder(audio_format)
        if vad != self._settings:
            self._settings = vad
            self._restart_vad()

    def append(self, wire_audio: bytes) -> Iterator[SpeechBegan | SpeechEnded]:
        """Append audio; yield what the VAD notices, in order. Take turns while iterating."""
        try:
            self._buffer += self._decoder.decode(wire_audio)
        except ValueError as error:
            raise InvalidRequest("invalid_value", str(error), param="audio") from error
        return self._scan()

    def _scan(self) -> Iterator[SpeechBegan | SpeechEnded]:
        while self._vad is not None:
            at = self._scanned - self._buffer_start
            frame = bytes(self._buffer[at : at + FRAME_BYTES])
            if len(frame) < FRAME_BYTES:
                break
            self._scanned += FRAME_BYTES
            noticed = self._vad.feed(frame)
            if isinstance(noticed, SpeechBegan):
                self.turn_start_ms = noticed.audio_start_ms
            if noticed:
                yield noticed
        if self._vad is None:
            self._scanned = self._buffer_start + len(self._buffer)
        elif not self.speaking:
            self._drop_before(self.appended_ms - SILENCE_KEPT_MS)

    def take_turn(self, end_ms: int) -> bytes:
        """Return the audio of the turn that just ended, and forget it and what came before."""
        start = max(0, self.turn_start_ms * L16_BYTES_PER_MS - self._buffer_start)
        end = end_ms * L16_BYTES_PER_MS - self._buffer_start
        turn = bytes(self._buffer[start:end])
        self._drop_before(end_ms)
        return turn

    def commit(self) -> bytes:
        """Return and forget the whole buffer, at the client's wish."""
        held_ms = len(self._buffer) / L16_BYTES_PER_MS
        if held_ms < MIN_COMMIT_MS:
            raise InvalidRequest(
                "input_audio_buffer_commit_empty",
                "Error committing input audio buffer: buffer too small. Expected at least "
                f"{MIN_COMMIT_MS}ms of audio, but buffer only has {held_ms:.2f}ms of audio.",
            )
        audio = bytes(self._buffer)
        self.clear()
        return audio

    def clear(self) -> None:
        """Forget the buffer and any turn in it. The clock goes on."""
        self._buffer_start += len(self._buffer)
        self._buffer.clear()
        self._restart_vad()

    def _restart_vad(self) -> None:
        self._scanned = self._buffer_start + len(self._buffer)
        start_ms = self._scanned // L16_BYTES_PER_MS
        self._vad = EnergyVad(self._settings, start_ms=start_ms) if self._settings else None

    def _drop_before(self, position_ms: int) -> None:
        drop = position_ms * L16_BYTES_PER_MS - self._buffer_start
        if drop > 0:
            del self._buffer[:drop]
            self._buffer_start += drop
