"""The callers of a benchmark of overload: they ask once, listen to a long answer, and stay on.

Callers are dialled evenly, and what each hears is kept for the stretches that are measured: frames
are decoded when all is over, so that the measuring does not take the cores from the measured.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from controlplane.local.bench.measures import gaps_ms, heard_frames, percentile
from controlplane.local.demo.caller import Ear, speech
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import CallError, CallRefused, Phone
from freeswitch.telephone.rtp_session import ReceivedFrame

DIALS_PER_S: Final = 5.0
RING_S: Final = 10.0
"""Nobody waits longer for an answer."""
CONVERSATION_S: Final = 30.0
"""From the answer to the assistant's voice it may take this long."""
QUESTION: Final = "qu_avez_vous_comme_pizzas"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one caller heard from `began` to `ended` (monotonic seconds)."""

    frames: Sequence[ReceivedFrame]
    began: float
    ended: float

    @property
    def longest_gap_ms(self) -> float:
        """The longest hole in the assistant's voice, which was to be without one."""
        heard = heard_frames(self.frames)
        if not heard:
            return (self.ended - self.began) * 1_000
        ends = (heard[0].at - self.began, self.ended - heard[-1].at)
        return max(*gaps_ms(heard, skip_first_ms=0), *(end * 1_000 - 20 for end in ends), 0.0)


def p95_ms(stretches: Sequence[Stretch]) -> float | None:
    """Return the callers' 95th percentile of the longest gap each has heard."""
    value = percentile([stretch.longest_gap_ms for stretch in stretches], 0.95)
    return None if value is None else round(value, 1)


@dataclass(slots=True)
class Listener:
    """One caller, and how far they came."""

    number: str
    refused_with: int | None = None
    dialog: Dialog | None = None
    talked_to: bool = False
    """The assistant has spoken to them."""

    async def call(self, phone: Phone, uri: str) -> None:
        """Dial, ask, and listen on; returns once the assistant speaks, or it is known why not."""
        try:
            self.dialog = await phone.call(uri, from_number=self.number, deadline_s=RING_S)
            ear = Ear(self.dialog)
            async with asyncio.timeout(CONVERSATION_S):
                await ear.wait_for_turn_over()
                await self.dialog.play(speech(QUESTION))
                await ear.wait_for_speech()
            self.talked_to = True
        except CallRefused as refused:
            self.refused_with = refused.status
        except (CallError, TimeoutError, ValueError, asyncio.CancelledError):
            return

    @property
    def up(self) -> bool:
        """Whether the assistant talks to them and neither side has hung up."""
        return self.talked_to and self.dialog is not None and not self.dialog.ended.is_set()


@dataclass(slots=True)
class Crowd:
    """All callers of a run."""

    phone: Phone
    uri: str
    callers: list[Listener] = field(default_factory=list)
    _calling: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def up(self) -> list[Listener]:
        return [caller for caller in self.callers if caller.up]

    async def dial(self, how_many: int) -> list[Listener]:
        """Have so many more call, evenly; return them when each knows how it goes."""
        more = []
        due = time.monotonic()
        for _ in range(how_many):
            caller = Listener(f"+3363998{len(self.callers):04d}")
            self.callers.append(caller)
            more.append(caller)
            self._calling.add(asyncio.create_task(caller.call(self.phone, self.uri)))
            due += 1 / DIALS_PER_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.wait(self._calling)
        self._calling.clear()
        return more

    async def listen(self, callers: Sequence[Listener], seconds: float) -> list[Stretch]:
        """Keep what these callers hear meanwhile."""
        since = [len(caller.dialog.received) if caller.dialog else 0 for caller in callers]
        began = time.monotonic()
        await asyncio.sleep(seconds)
        ended = time.monotonic()
        return [
            Stretch(caller.dialog.received[start:] if caller.dialog else [], began, ended)
            for caller, start in zip(callers, since, strict=True)
        ]

    async def hang_up(self) -> None:
        """End every call."""
        dialogs = [caller.dialog for caller in self.callers if caller.dialog is not None]
        await asyncio.gather(*(dialog.hangup() for dialog in dialogs))
