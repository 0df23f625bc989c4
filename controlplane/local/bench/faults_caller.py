"""A caller of the benchmark of faults: orders, says yes to a right read-back, listens to the end.

They speak when the assistant has finished, or when nothing has come for longer than anybody should
have to wait. What they understand is decoded from the sound they hear.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import Final

from aiworker.simulator import tone_code
from controlplane.contracts.media import L16_BYTES_PER_MS
from controlplane.local.bench.faults_catalogue import Alone, CallFault
from controlplane.local.bench.faults_journal import JournalReader
from controlplane.local.bench.faults_orders import SpokenOrder
from controlplane.local.bench.faults_prompts import PromptEar
from controlplane.local.bench.faults_replies import ABOUT_THE_ORDER, Reply, understood
from controlplane.local.bench.faults_speech import Heard, HeardSaying, heard_sayings
from controlplane.local.demo.caller import AUDIBLE_RMS, rms, speech
from controlplane.spoken.spoken_french import price
from freeswitch.telephone.dialog import CallEnd, Dialog
from freeswitch.telephone.phone import CallError, Phone
from freeswitch.telephone.rtp_session import ReceivedFrame

RING_S: Final = 5.0
"""A caller whose call is not answered by then hangs up and dials again."""
REDIAL_S: Final = 1.0
DIALLING_S: Final = 30.0
"""They give up after this long: nobody ever answered."""

TURN_OVER_S: Final = 0.8
"""After this much silence the other has finished, if the end of their sentence was heard."""
PATIENCE_S: Final = 5.0
"""After this much silence a caller speaks, whatever was or was not said."""
GREETING_S: Final = 3.0
"""The greeting is longer."""
LISTENING_S: Final = 25.0
"""They speak at last, whatever goes on: music, a prompt again and again."""
GOODBYE_S: Final = 2.5
"""Who has heard what became of the order waits this long for the other side to hang up."""
CALL_S: Final = 90.0
"""They hang up: a call without a fault takes 20 s."""
POLL_S: Final = 0.05

STOPS_AFTER: Final = 0.6
"""Frames that stop do so after this share of a sentence, and come again with the next one."""

THAT_IS_ALL: Final = speech("non_merci_c_est_tout")
YES: Final = speech("oui_c_est_bien_ca")


@dataclass(slots=True)
class Experience:
    """What one caller did and heard. Times are monotonic seconds."""

    number: str
    order: SpokenOrder
    dialled_at: float = 0.0
    answered_at: float | None = None
    ended_at: float = 0.0
    confirmed: bool = False
    said_yes: bool = False
    cut_by_freeswitch: bool = False
    misheard: bool = False
    """The read-back was not what they wanted: they hung up without a yes."""
    heard: list[Heard] = field(default_factory=list)
    prompts: list[ReceivedFrame] = field(default_factory=list)
    """Frames that are not the assistant's voice: prompts, tones, pauses."""
    spoken: list[tuple[float, float]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    """The assistant's words, turn by turn."""
    refusals: list[str] = field(default_factory=list)


class FaultCaller:
    """Makes one call."""

    def __init__(
        self,
        experience: Experience,
        journal: JournalReader,
        prompts: PromptEar,
        *,
        fault: CallFault | None = None,
    ) -> None:
        """`journal` says which words the tones of the assistants stand for."""
        self.experience, self._journal, self._prompts = experience, journal, prompts
        self._stops_in = fault.nth if fault and fault.name == Alone.FRAMES_STOP else 0
        self._turn_from = 0
        self._last_sound_at = 0.0
        self._dialog: Dialog | None = None
        self.frames_stopped_at: float | None = None

    async def call(self, phone: Phone, uri: str) -> None:
        """Dial, order and hang up. What went wrong is in `experience`; nothing is raised."""
        lived = self.experience
        lived.dialled_at = time.monotonic()
        dialog = await self._dial(phone, uri)
        if dialog is None:
            lived.ended_at = time.monotonic()
            return
        self._dialog = dialog
        lived.answered_at = self._last_sound_at = dialog.answered_at or time.monotonic()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CALL_S):
                    await self._converse(dialog)
        finally:
            lived.ended_at = dialog.ended_at or time.monotonic()
            await dialog.hangup()

    def cut(self) -> None:
        """Tell a caller whose line is dead, for its switch is gone: nobody will send them a BYE."""
        if self._dialog is not None and not self._dialog.ended.is_set():
            self.experience.cut_by_freeswitch = True
            self._dialog.finish(CallEnd.REMOTE_HANGUP)

    async def _dial(self, phone: Phone, uri: str) -> Dialog | None:
        give_up_at = time.monotonic() + DIALLING_S
        while time.monotonic() < give_up_at:
            try:
                dialog = await phone.call(
                    uri, from_number=self.experience.number, deadline_s=RING_S
                )
            except (CallError, OSError) as error:
                self.experience.refusals.append(type(error).__name__)
                await asyncio.sleep(REDIAL_S)
                continue
            dialog.on_frame(self._hear)
            for frame in dialog.received:
                self._hear(frame)
            return dialog
        return None

    # --- Talking -------------------------------------------------------------------------------

    async def _converse(self, dialog: Dialog) -> None:
        lived = self.experience
        await self._listen(dialog, greeting=True)
        next_words = lived.order.l16
        while not dialog.ended.is_set():
            lived.said_yes = lived.said_yes or next_words is YES
            got_through = await self._say(dialog, next_words)
            lived.confirmed = lived.confirmed or (got_through and next_words is YES)
            words = await self._listen(dialog)
            if not words and self._prompts.last_words_at(lived.prompts) is not None:
                return
            reply = understood(words)
            if reply in ABOUT_THE_ORDER:
                with contextlib.suppress(TimeoutError):
                    await dialog.wait_ended(deadline_s=GOODBYE_S)
                return
            following = self._answer_to(reply, words)
            if following is None:
                return
            next_words = following

    def _answer_to(self, reply: Reply, words: str) -> bytes | None:
        """Return what to say next; None to hang up."""
        lived = self.experience
        if reply is Reply.READ_BACK:
            if f"Total : {price(lived.order.total_cents)}." in words:
                return YES
            lived.misheard = True
            return None
        if lived.confirmed:
            return None if reply is Reply.EMPTY else YES
        return lived.order.l16 if reply is Reply.EMPTY else THAT_IS_ALL

    async def _say(self, dialog: Dialog, l16: bytes) -> bool:
        """Say it; return whether all of it left for the other side."""
        began = time.monotonic()
        self._turn_from = len(self.experience.heard)
        self._stops_in -= 1
        dialog.rtp.sending = True
        try:
            utterance = dialog.play(l16)
            if self._stops_in == 0:
                await self._lose_frames(dialog, len(l16) / (1_000 * L16_BYTES_PER_MS))
            await utterance
        except (asyncio.CancelledError, ValueError):
            if not dialog.ended.is_set():
                raise
            return False
        finally:
            self.experience.spoken.append((began, time.monotonic()))
            self._last_sound_at = time.monotonic()
        return dialog.rtp.sending

    async def _lose_frames(self, dialog: Dialog, seconds: float) -> None:
        """Let nothing of what is said reach the other side, from the middle of it on."""
        await asyncio.sleep(seconds * STOPS_AFTER)
        self.frames_stopped_at = time.monotonic()
        dialog.rtp.sending = False

    # --- Listening -----------------------------------------------------------------------------

    async def _listen(self, dialog: Dialog, *, greeting: bool = False) -> str:
        """Wait until it is the caller's turn; return what the assistant said meanwhile."""
        began = time.monotonic()
        while not dialog.ended.is_set() and time.monotonic() < began + LISTENING_S:
            await asyncio.sleep(POLL_S)
            silent_s = time.monotonic() - self._last_sound_at
            if silent_s < TURN_OVER_S:
                continue
            if silent_s >= PATIENCE_S:
                break
            if greeting and time.monotonic() > began + GREETING_S:
                break
            said = self._said()
            if not greeting and said and said[-1].ended:
                break
        words = " ".join(one.text for one in self._said())
        if words:
            self.experience.words.append(words)
        return words

    def _said(self) -> list[HeardSaying]:
        since = self.experience.dialled_at
        recent = [saying for saying in self._journal.read() if saying.began_at >= since]
        return heard_sayings(self.experience.heard[self._turn_from :], recent)

    def _hear(self, frame: ReceivedFrame) -> None:
        audible = rms(frame.l16) >= AUDIBLE_RMS
        code = tone_code.decode(frame.l16) if audible else None
        self.experience.heard.append(Heard(frame.at, code, audible=audible))
        if audible:
            self._last_sound_at = frame.at
        if code is None:  # the pauses too: a prompt is known by its rhythm
            self.experience.prompts.append(frame)
