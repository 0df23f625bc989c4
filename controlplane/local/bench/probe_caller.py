"""Callers of a benchmark: one who calls a restaurant ten times a second, and some who stay on."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from controlplane.local.bench.fleet import Fleet
from controlplane.local.demo.caller import Ear, speech
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import CallError, Phone

PROBE_PERIOD_S: Final = 0.1
ANSWER_DEADLINE_S: Final = 3.0
"""An answer takes 20 ms; beyond this the caller has given up."""
CONVERSATION_DEADLINE_S: Final = 30.0
"""From dialling to the assistant's first answer it may take this long."""
RECENT_S: Final = 1.0
QUESTION: Final = "qu_avez_vous_comme_pizzas"


@dataclass(frozen=True, slots=True)
class Probe:
    """One call of the prober."""

    at: float
    """It was dialled then (monotonic seconds)."""
    reached: bool
    """A bridge answered it."""


def longest_unreachable_ms(probes: Sequence[Probe]) -> int:
    """Return the longest time from a probe that got through to the next one that did, less one
    period.

    It is 0 when every probe got through. A restaurant never reached again counts up to the last
    probe.
    """
    longest = 0.0
    reached_at: float | None = None
    missed = False
    for probe in sorted(probes, key=lambda one: one.at):
        if not probe.reached:
            missed = True
        if missed and reached_at is not None:
            longest = max(longest, probe.at - reached_at - PROBE_PERIOD_S)
        if probe.reached:
            reached_at, missed = probe.at, False
    return round(max(0.0, longest) * 1_000)


class Prober:
    """Calls one restaurant through its carrier every 100 ms; hangs up as soon as it is answered.

    Each call shows another number: a caller who rings ten times a second would be refused.
    """

    def __init__(self, fleet: Fleet, phone: Phone, number: str) -> None:
        self._fleet, self._phone, self._number = fleet, phone, number
        self._caller = count()
        self.probes: list[Probe] = []
        self.failures: list[str] = []
        self._ended = False

    async def run(self) -> None:
        """Call until `end`; calls under way are waited for."""
        async with asyncio.TaskGroup() as calls:
            due = time.monotonic()
            while not self._ended:
                calls.create_task(self._probe())
                due += PROBE_PERIOD_S
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    def end(self) -> None:
        """Make no more calls."""
        self._ended = True

    async def _probe(self) -> None:
        at, caller = time.monotonic(), f"+3319900{next(self._caller):04d}"
        uri = await asyncio.to_thread(self._fleet.registrar.dial_uri, self._number)
        try:
            if uri is None:
                raise CallError("nobody is registered")
            dialog = await self._phone.call(uri, from_number=caller, deadline_s=ANSWER_DEADLINE_S)
        except CallError as error:
            self.probes.append(Probe(at, reached=False))
            self.failures.append(str(error))
            return
        self.probes.append(Probe(at, reached=True))
        await dialog.hangup()


async def hold_calls(fleet: Fleet, phone: Phone, numbers: Sequence[str]) -> list[Dialog]:
    """Call each of them, ask a question, and stay on the line while the assistant answers.

    Raises `CallError`, or `TimeoutError` when an assistant stays silent.
    """

    async def talk(number: str) -> Dialog:
        uri = await asyncio.to_thread(fleet.registrar.dial_uri, number)
        if uri is None:
            raise CallError("nobody is registered")
        dialog = await phone.call(uri, from_number=f"+3363998{number[-4:]}")
        ear = Ear(dialog)
        async with asyncio.timeout(CONVERSATION_DEADLINE_S):
            await ear.wait_for_turn_over()
            await dialog.play(speech(QUESTION))
            await ear.wait_for_speech()
        return dialog

    return list(await asyncio.gather(*(talk(number) for number in numbers)))


def is_up(dialog: Dialog) -> bool:
    """Tell whether neither side has hung up and sound still comes."""
    heard = dialog.received
    return (
        not dialog.ended.is_set() and bool(heard) and (time.monotonic() - heard[-1].at < RECENT_S)
    )
