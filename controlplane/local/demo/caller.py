"""The demo's caller: a telephone, recorded French speech, and the patience to wait for its turn."""

import asyncio
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from controlplane.contracts.media import FRAME_MS, SAMPLE_RATE_HZ
from controlplane.local.demo.call_recording import CallRecording
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.phone import CallError, Phone
from freeswitch.telephone.rtp_session import ReceivedFrame

CALLER_SOUNDS: Final = Path(__file__).resolve().parents[3] / "freeswitch" / "sounds" / "caller"
CALLER_NUMBER: Final = "+33639980123"
"""ARCEP keeps its range (06 39 98) for fiction."""

AUDIBLE_RMS: Final = 200
"""Speech and tones are louder, comfort noise is softer; full scale is 32,768."""

TURN_OVER_MS: Final = 800
"""After this much silence a person takes it that the other has finished."""

ANSWER_MS: Final = 400
"""This much of the assistant's voice counts as an answer."""

TURN_DEADLINE_S: Final = 40.0
"""The assistant begins, and ends, any turn within this."""

INTERRUPT_AFTER_MS: Final = 900
"""The caller cuts in this long after the assistant began."""

GOODBYE_DEADLINE_S: Final = 20.0


class Moment(StrEnum):
    """Whether the caller waits for their turn."""

    AT_THEIR_TURN = "at_their_turn"
    OVER_THE_AGENT = "over_the_agent"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing the caller says: a recording in `freeswitch/sounds/caller/`."""

    recording: str
    moment: Moment = Moment.AT_THEIR_TURN


ORDER_SCRIPT: Final = (
    Line("margherita_mozzarella_quatre_fromages"),
    Line("finalement_un_coca", Moment.OVER_THE_AGENT),
    Line("non_merci_c_est_tout"),
    Line("oui_c_est_bien_ca"),
)


class CallCut(CallError):
    """The other side hung up in the middle of the script."""


class Ear:
    """The caller's hearing: is the assistant speaking, and since when?"""

    def __init__(self, dialog: Dialog) -> None:
        self._changed = asyncio.Event()
        self.audible_since: float | None = None
        self.last_audible: float | None = None
        self._audible_frames = 0
        dialog.on_frame(self._hear)

    async def wait_for_speech(self, *, for_ms: int = 0) -> None:
        """Wait until the assistant has been speaking for `for_ms`. Raise `TimeoutError`."""
        async with asyncio.timeout(TURN_DEADLINE_S):
            while True:
                self._changed.clear()
                if self.speaking and self.audible_since is not None:
                    if time.monotonic() - self.audible_since >= for_ms / 1000:
                        return
                await self._changed.wait()

    async def wait_for_turn_over(self) -> None:
        """Wait until the assistant has spoken and then been silent for `TURN_OVER_MS`.

        What is left of a sentence the caller cut short does not count. Raise `TimeoutError`.
        """
        answered = self._audible_frames + ANSWER_MS // FRAME_MS
        async with asyncio.timeout(TURN_DEADLINE_S):
            while self._audible_frames < answered:
                self._changed.clear()
                await self._changed.wait()
            while self.speaking:  # noqa: ASYNC110  # silence is the absence of an event
                await asyncio.sleep(FRAME_MS / 1_000)

    @property
    def speaking(self) -> bool:
        """Whether the assistant's turn is still going on."""
        return (
            self.last_audible is not None
            and time.monotonic() - self.last_audible < TURN_OVER_MS / 1000
        )

    def _hear(self, frame: ReceivedFrame) -> None:
        if rms(frame.l16) >= AUDIBLE_RMS:
            if not self.speaking:
                self.audible_since = frame.at
            self.last_audible = frame.at
            self._audible_frames += 1
        self._changed.set()


@dataclass(frozen=True, slots=True)
class PlayedCall:
    """One call as the telephone saw it. Times are monotonic seconds."""

    invite_sent: float
    answered_at: float
    frames: Sequence[ReceivedFrame]
    end: CallEnd | None


async def call_and_order(
    dial_uri: str,
    script: Sequence[Line] = ORDER_SCRIPT,
    *,
    recording: CallRecording | None = None,
) -> PlayedCall:
    """Dial, follow the script, wait for the assistant to hang up; keep both sides in `recording`.

    Raises `CallError` when nobody answers or the line is cut before the caller has said all,
    `TimeoutError` when the agent stays silent.
    """
    async with Phone() as phone:
        dialog = await phone.call(dial_uri, from_number=CALLER_NUMBER)
        ear = Ear(dialog)
        recording = recording or CallRecording()
        dialog.on_frame(recording.hear)
        try:
            for line in script:
                if line.moment is Moment.OVER_THE_AGENT:
                    await ear.wait_for_speech(for_ms=INTERRUPT_AFTER_MS)
                else:
                    await ear.wait_for_turn_over()
                if dialog.ended.is_set():
                    raise CallCut(f"coupé avant « {line.recording} » ({dialog.end})")
                words = speech(line.recording)
                utterance = dialog.play(words)
                recording.say(utterance, words)
                await utterance
            await dialog.wait_ended(deadline_s=TURN_DEADLINE_S + GOODBYE_DEADLINE_S)
        finally:
            await dialog.hangup()
        return PlayedCall(
            invite_sent=dialog.invite_sent or 0.0,
            answered_at=dialog.answered_at or 0.0,
            frames=dialog.received,
            end=dialog.end,
        )


def speech(recording: str) -> bytes:
    """Return the recording's samples: mono L16 at 8 kHz."""
    with wave.open(str(CALLER_SOUNDS / f"{recording}.wav"), "rb") as file:
        if (file.getnchannels(), file.getframerate(), file.getsampwidth()) != (
            1,
            SAMPLE_RATE_HZ,
            2,
        ):
            raise ValueError(f"{recording}.wav is not mono 16-bit 8 kHz")
        return file.readframes(file.getnframes())


def rms(l16: bytes) -> float:
    """Return the root mean square of the samples, 0 for none."""
    samples = np.frombuffer(l16, dtype="<i2").astype(np.float64)
    return float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0
