"""Plays the rounds of a benchmark of faults: calls at once, and what goes wrong in them."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from websockets.exceptions import WebSocketException

from controlplane.local.bench.faults_caller import Experience, FaultCaller
from controlplane.local.bench.faults_catalogue import NOTHING, Alone, CallFault, Round
from controlplane.local.bench.faults_journal import JournalReader
from controlplane.local.bench.faults_orders import SpokenOrder
from controlplane.local.bench.faults_prompts import PromptEar
from controlplane.local.bench.faults_realtime import RealtimeFaults
from controlplane.local.bench.faults_services import FaultyServices
from controlplane.local.bench.faults_speech import longest_silence_s
from controlplane.local.bench.faults_stack import StackFaults
from controlplane.local.bench.faults_verdict import LivedCall
from controlplane.local.bench.report import tell
from controlplane.local.demo.stack import Stack
from freeswitch.telephone.phone import Phone

STAGGER_S: Final = 4.0
"""The calls of a round begin within this: they are not all in the same sentence."""
CALL_S: Final = 16.0
"""A fault that meets everybody happens within this: a call without one takes 20 s."""


@dataclass(slots=True)
class PlayedCall:
    """One call of a round, and what meets it."""

    caller: FaultCaller
    fault: str

    def lived(self, ear: PromptEar) -> LivedCall:
        """Return what is judged of it."""
        lived = self.caller.experience
        return LivedCall(
            lines=lived.order.lines,
            total_cents=lived.order.total_cents,
            answered=any(frame.audible for frame in lived.heard),
            confirmed=lived.confirmed,
            said_yes=lived.said_yes,
            heard=tuple(lived.words),
            silence_s=self.silence_s(ear),
            cut_by_freeswitch=lived.cut_by_freeswitch,
            given_to_a_human=ear.given_to_a_human(lived.prompts),
        )

    def silence_s(self, ear: PromptEar) -> float:
        """Return the longest silence, up to the words after which a caller is recorded or alone."""
        lived = self.caller.experience
        if lived.answered_at is None:
            return 0.0
        until = ear.last_words_at(lived.prompts) or lived.ended_at
        longest = longest_silence_s(lived.heard, lived.spoken, since=lived.answered_at, until=until)
        return round(longest, 2)


class Run:
    """Plays the rounds of a run. `calls` and `happened` grow meanwhile."""

    def __init__(
        self,
        stack: Stack,
        services: FaultyServices,
        plan: Sequence[Round],
        orders: Sequence[SpokenOrder],
        *,
        seed: int,
    ) -> None:
        self._stack, self._plan, self._orders = stack, plan, orders
        assert stack.address.journal is not None, "Realtime is simulated"
        self._journal = JournalReader(Path(stack.address.journal))
        self._realtime, self._ear = RealtimeFaults(stack), PromptEar()
        self._dice = random.Random(seed)
        self._shared: Counter[str] = Counter()
        self.calls: list[PlayedCall] = []
        self._faults = StackFaults(
            stack, services, self._realtime, dice=self._dice, switch_died=self._cut_calls
        )

    @property
    def happened(self) -> Counter[str]:
        """Count the faults that really happened so far, by name."""
        self._journal.read()
        found = self._shared + self._realtime.happened(self._journal.entries)
        found[Alone.FRAMES_STOP] = sum(
            call.caller.frames_stopped_at is not None for call in self.calls
        )
        return found

    async def play(self) -> None:
        """Play all rounds, one after the other."""
        async with Phone() as phone:
            for number, one in enumerate(self._plan, start=1):
                played = await self._round(phone, one)
                silence = max(call.silence_s(self._ear) for call in played)
                named = one.shared if not one.alone else " ".join(f.name for f in one.alone)
                tell(f"round {number}/{len(self._plan)} {named}: silence {silence:.1f} s")

    # --- A round -------------------------------------------------------------------------------

    async def _round(self, phone: Phone, one: Round) -> list[PlayedCall]:
        await self._faults.prepare(one.shared)
        before = len(self.calls)
        starts = sorted(self._dice.uniform(0, STAGGER_S) for _ in range(one.calls))
        async with asyncio.TaskGroup() as tasks:
            for at, start in enumerate(starts):
                fault = one.alone[at] if one.alone else None
                tasks.create_task(self._call(phone, start, one.shared, fault))
            if one.shared != NOTHING:
                moment = self._dice.uniform(1.0, CALL_S)
                tasks.create_task(self._happen(one.shared, moment))
        if one.shared != NOTHING:
            await self._faults.be_whole(one.shared)
        return self.calls[before:]

    async def _happen(self, name: str, moment: float) -> None:
        await asyncio.sleep(moment)
        self._shared[name] += 1
        tell(f"{name} after {moment:.1f} s")
        await self._faults.happen(name)

    async def _call(self, phone: Phone, start: float, shared: str, fault: CallFault | None) -> None:
        await asyncio.sleep(start)
        caller = self._new_caller(shared, fault)
        if fault is not None and fault.name != Alone.FRAMES_STOP:
            await self._plan_fault(fault)
        await caller.call(phone, self._stack.address.direct_uri)
        if caller.experience.cut_by_freeswitch:  # they call again
            await self._new_caller(shared, None).call(phone, self._stack.address.direct_uri)

    async def _plan_fault(self, fault: CallFault) -> None:
        """Ask for it. A simulator that does not answer has no fault, which is then not counted."""
        with contextlib.suppress(OSError, TimeoutError, WebSocketException):
            await self._realtime.plan(fault)

    def _new_caller(self, shared: str, fault: CallFault | None) -> FaultCaller:
        number = f"+3363998{len(self.calls):04d}"
        lived = Experience(number, self._dice.choice(self._orders))
        caller = FaultCaller(lived, self._journal, self._ear, fault=fault)
        name = fault.name if fault else shared
        self.calls.append(PlayedCall(caller, name))
        return caller

    def _cut_calls(self) -> None:
        for call in self.calls:
            call.caller.cut()
