"""Faults carried out: at their time, at their event, and the session's own end."""

import asyncio
from collections.abc import Sequence

from aiworker.simulator.caller_audio import CallerAudio
from aiworker.simulator.errors import InvalidRequest
from aiworker.simulator.faults import Fault, FaultKind
from aiworker.simulator.journal import FaultDone
from aiworker.simulator.link import Link, new_id


class Mishaps:
    """What goes wrong in one session, and when."""

    def __init__(self, link: Link, caller: CallerAudio) -> None:
        self._link = link
        self._caller = caller

    def begin(self) -> None:
        """Start the clocks, as the session begins."""
        self._link.spawn(self._expire())
        self._link.spawn(self._carry_out())
        for fault in self._link.faults.timed:
            self._link.spawn(self._later(fault))
        for fault in self._link.faults.happening:
            self._link.due.put_nowait(fault)

    def begin_answer(self, faults: Sequence[Fault]) -> None:
        """Set off what a script has go wrong with an answer; a state holds for that answer only."""
        for fault in faults:
            if fault.on_the_wire:
                self._link.befall(fault)
            elif fault.happens or fault.after_ms is not None:
                self._link.due.put_nowait(fault)
            else:
                self._become(fault.model_copy(update={"times": fault.times or 1}))

    async def _expire(self) -> None:
        await asyncio.sleep(self._link.settings.session_max_s)
        await self.do(Fault(kind=FaultKind.SESSION_EXPIRED))

    async def _later(self, fault: Fault) -> None:
        await asyncio.sleep((fault.after_ms or 0) / 1_000)
        await self.do(fault)

    async def _carry_out(self) -> None:
        while True:
            fault = await self._link.due.get()
            self._link.spawn(self._later(fault))

    async def do(self, fault: Fault) -> None:
        """Make a fault happen now, or hold from now on."""
        link, caller = self._link, self._caller
        if not fault.happens:
            self._become(fault)
            return
        link.note(FaultDone(session_id=link.session_id, kind=fault.kind))
        match fault.kind:
            case FaultKind.CLOSE:
                await link.close(fault.code)
            case FaultKind.SESSION_EXPIRED:
                message = "Your session hit the maximum duration of 60 minutes."
                await link.refuse(InvalidRequest("session_expired", message))
                await link.close(1001)
            case FaultKind.ERROR:
                await link.refuse(InvalidRequest(fault.error_code, "A simulated error."))
            case FaultKind.FALSE_SPEECH_STARTED:
                item_id = new_id("item")
                await caller.speech_started(caller.appended_ms, item_id, real=False)
                await asyncio.sleep(fault.ms / 1_000)
                await caller.speech_stopped(caller.appended_ms, item_id)
            case FaultKind.UNKNOWN_EVENT:
                await link.send("session.weather_updated", forecast="rain")

    def _become(self, fault: Fault) -> None:
        self._link.note(FaultDone(session_id=self._link.session_id, kind=fault.kind))
        self._link.faults.become(fault)
