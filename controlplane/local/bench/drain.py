"""`alloresto bench drain`: a full bridge is drained while five people talk and one keeps calling.

Nobody may be cut, no binding may stay behind, and the restaurant that is called every 100 ms
through its carrier must be reached every time, also while its registration moves.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import click

from controlplane.commands.options import json_line_option
from controlplane.local.bench.failover import SLACK_S, VICTIM, full_bridge
from controlplane.local.bench.fleet import POLL_S, Fleet
from controlplane.local.bench.probe_caller import Prober, hold_calls, is_up, longest_unreachable_ms
from controlplane.local.bench.report import report, tell
from controlplane.local.launch.carrier.bindings import Binding
from controlplane.local.launch.carrier.server import BindingRule
from controlplane.log import configure_logging
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone

MONOLOGUE_S: Final = 300
"""The assistant speaks this long, so that a cut is heard."""
STAY_S: Final = 3.0
"""The calls go on this long on a bridge without registrations."""
SPARE_SLOTS: Final = 20
"""Probes are hung up at once, and yet offered to a worker, which needs a slot for them."""
STOP_DEADLINE_S: Final = 30.0
"""FreeSWITCH and bridge agent may take this long to end after the last hang-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainBench:
    """The benchmark's last line."""

    switch: str
    registrar: str
    bindings: str
    """An account may have `several`, or `one`: such a carrier forgets it with any un-REGISTER."""
    bridges: int
    registrations: int
    registers_per_second: int
    calls: int
    calls_cut: int
    """Counts calls that ended before their caller hung up, or had no sound at the end."""
    stale_bindings: int
    """Counts the drained bridge's bindings at the registrar after its end."""
    absent_bindings: int
    """Counts accounts that were seen without any binding at some moment."""
    probes: int
    probes_missed: int
    unreachable_ms_max: int
    moved_s: float | None
    """Measured from the command until no binding was left on the drained bridge."""
    stopped_s: float | None
    """Measured from the last caller's hang-up until FreeSWITCH and bridge agent had ended by
    themselves."""


@click.command()
@click.option("--on-victim", default=200)
@click.option("--calls", default=5)
@click.option("--bridges", default=3)
@click.option("--pace", default=20)
@click.option("--one-binding", is_flag=True, help="The carrier keeps one per account.")
@json_line_option
def run_bench_drain(
    *,
    on_victim: int,
    calls: int,
    bridges: int,
    pace: int,
    one_binding: bool,
    as_json: bool,
) -> int:
    """A bridge drained with calls in progress, while one of its restaurants is called.

    Measure and print. 0 when the drain came to its end and all was measured.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    with Fleet(
        bridges=bridges,
        accounts=on_victim,
        registers_per_second=pace,
        controllers=0,
        binding_rule=BindingRule.ONE if one_binding else BindingRule.SEVERAL,
    ) as fleet:
        tell(f"{bridges} bridges on {fleet.switch}, registrar {fleet.registrar.kind}")
        fleet.start_worker(slots=calls + SPARE_SLOTS, monologue_s=MONOLOGUE_S)
        result = asyncio.run(_Drain(fleet, on_victim=on_victim, calls=calls, pace=pace).run())
    report(asdict(result), as_json=as_json)
    ended = result.moved_s is not None and result.stopped_s is not None
    return 0 if ended and result.calls == calls and result.probes else 1


class _Drain:
    """Runs the benchmark once."""

    def __init__(self, fleet: Fleet, *, on_victim: int, calls: int, pace: int) -> None:
        self._fleet = fleet
        self._on_victim, self._calls, self._pace = on_victim, calls, pace
        self._absent: set[str] = set()

    async def run(self) -> DrainBench:
        fleet = self._fleet
        await asyncio.to_thread(
            full_bridge, fleet, on_victim=self._on_victim, on_others=0, pace=self._pace
        )
        async with Phone() as phone, Phone() as probing:
            numbers = [account.number for account in fleet.accounts]
            dialogs = await hold_calls(fleet, phone, numbers[: self._calls])
            prober = Prober(fleet, probing, numbers[len(numbers) // 2])
            probes = asyncio.create_task(prober.run())
            tell(f"{len(dialogs)} calls in progress on {VICTIM}: drain")
            try:
                moved_s = await self._drain()
                await asyncio.sleep(STAY_S)
            finally:
                prober.end()
                await probes
            cut = sum(not is_up(dialog) for dialog in dialogs)
            stopped_s = await self._hang_up(dialogs)
        for reason, times in Counter(prober.failures).items():
            tell(f"probe missed {times} times: {reason}")
        stale = await asyncio.to_thread(self._on_the_victim)
        return DrainBench(
            switch=fleet.switch,
            registrar=fleet.registrar.kind,
            bindings=fleet.binding_rule.name.lower(),
            bridges=len(fleet.bridges),
            registrations=self._on_victim,
            registers_per_second=self._pace,
            calls=len(dialogs),
            calls_cut=cut,
            stale_bindings=stale,
            absent_bindings=len(self._absent),
            probes=len(prober.probes),
            probes_missed=sum(not probe.reached for probe in prober.probes),
            unreachable_ms_max=longest_unreachable_ms(prober.probes),
            moved_s=moved_s,
            stopped_s=stopped_s,
        )

    async def _drain(self) -> float | None:
        """Ask for the drain and wait until no binding is left there; return the seconds, or None if
        it never came to that.
        """
        began = time.monotonic()
        if await asyncio.to_thread(self._fleet.command, "bridge", "drain", VICTIM) != 0:
            tell("the drain was refused")
            return None
        deadline_s = 2 * self._on_victim / self._pace + SLACK_S
        return await self._seconds_until(
            lambda: self._on_the_victim() == 0, since=began, deadline_s=deadline_s
        )

    async def _hang_up(self, dialogs: Sequence[Dialog]) -> float | None:
        await asyncio.gather(*(dialog.hangup() for dialog in dialogs))
        victim = self._fleet.bridges[VICTIM]
        return await self._seconds_until(
            lambda: not victim.switch.alive and not victim.agent.alive,
            since=time.monotonic(),
            deadline_s=STOP_DEADLINE_S,
        )

    async def _seconds_until(
        self, happened: Callable[[], bool], *, since: float, deadline_s: float
    ) -> float | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                while not await asyncio.to_thread(happened):  # noqa: ASYNC110  it has no event
                    await asyncio.sleep(POLL_S)
                return round(time.monotonic() - since, 1)
        return None

    def _on_the_victim(self) -> int:
        """Count the bindings there now, and remember accounts that have none anywhere."""
        bindings: Mapping[str, Sequence[Binding]] = self._fleet.bindings()
        self._absent |= {one.number for one in self._fleet.accounts} - bindings.keys()
        address = self._fleet.bridges[VICTIM].sip_address
        return sum(one.address == address for found in bindings.values() for one in found)
