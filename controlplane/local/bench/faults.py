"""`alloresto bench faults`: calls that order while something breaks, judged by the caller's ear.

There are rounds of a few calls at once, and in each something goes wrong at a random moment.
Afterwards what every caller was told is compared with Postgres.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from controlplane.commands.options import json_line_option
from controlplane.local.bench.faults_caller import Experience, FaultCaller
from controlplane.local.bench.faults_catalogue import (
    NOTHING,
    Alone,
    CallFault,
    Round,
    Shared,
    matching,
    rounds,
)
from controlplane.local.bench.faults_disk import why_not
from controlplane.local.bench.faults_journal import JournalReader
from controlplane.local.bench.faults_leaks import wait_for_leaks
from controlplane.local.bench.faults_orders import Conversations, SpokenOrder, random_orders
from controlplane.local.bench.faults_prompts import PromptEar
from controlplane.local.bench.faults_realtime import RealtimeFaults
from controlplane.local.bench.faults_services import FaultyServices
from controlplane.local.bench.faults_speech import longest_silence_s
from controlplane.local.bench.faults_stack import StackFaults
from controlplane.local.bench.faults_stored import settled_orders
from controlplane.local.bench.faults_verdict import LivedCall, Tally, Verdict, judge
from controlplane.local.bench.report import report, tell
from controlplane.local.demo.stack import Stack
from controlplane.local.launch.services import REDIS_DEADLINE_S
from controlplane.log import configure_logging
from controlplane.redis_clients import sync_redis
from freeswitch.telephone.phone import Phone

STAGGER_S: Final = 4.0
"""The calls of a round begin within this: they are not all in the same sentence."""
CALL_S: Final = 16.0
"""A fault that meets everybody happens within this: a call without one takes 20 s."""
FRAME_STRIDE: Final = 585
"""Seven sessions in a row have frame numbers of their own for 11 s of speech each."""
SPARE_SLOTS: Final = 4
"""A worker may hold calls of a round that has just ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultsBench:
    """The benchmark's last line. Seconds are of the clock on the wall."""

    switch: str
    calls: int
    faults: int
    """Counts what really happened: an event that never came was not met."""
    orders_spoken: int
    """Counts callers who said yes to the read-back of what they wanted."""
    orders_in_db: int
    orders_lost: int
    orders_doubled: int
    orders_wrong: int
    told_wrong: int
    silence_s_max: float
    never_answered: int
    slots_leaked: int
    cut_by_freeswitch: int
    """Counts calls that ended with their FreeSWITCH."""
    misheard: int
    """Counts callers who did not say yes, for the read-back was not what they wanted."""
    control_silence_s: float
    """The longest silence of the round without a fault."""
    cpu_idle_percent: float
    seconds: float
    seed: int
    by_fault: dict[str, int]
    broken: list[dict[str, object]]
    """Holds each call that broke a promise, with the round's faults."""
    leaked: dict[str, int]
    skipped: dict[str, str]
    """Says which faults could not be made here, and why."""

    @property
    def kept(self) -> bool:
        """Tell whether every target is met."""
        return not (self.broken or self.slots_leaked)


@click.command()
@click.option("--calls", default=200)
@click.option("--at-once", default=4, help="Calls of a round.")
@click.option("--seed", default=1, help="Decides orders, faults and moments.")
@click.option(
    "--faults", "patterns", multiple=True, help="E.g. kill_*, drop:*; all when not given."
)
@click.option("--keep", type=click.Path(path_type=Path), help="Keep data and logs in this folder.")
@json_line_option
def run_bench_faults(
    *,
    calls: int,
    at_once: int,
    seed: int,
    patterns: tuple[str, ...],
    keep: Path | None,
    as_json: bool,
) -> int:
    """Calls that order while faults are injected.

    Measure and print. 0 when every order was kept and told rightly, and nobody waited in silence.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    try:
        skipped = {Shared.DISK_FULL: reason} if (reason := why_not()) else {}
        selected = [name for name in matching(patterns) if name not in skipped]
        plan = rounds(selected, calls=calls, at_once=at_once, seed=seed)
    except ValueError as error:
        raise click.BadParameter(f"no fault is named {error}", param_hint="--faults") from error
    with ExitStack() as undo:
        folder = _folder(undo, keep)
        conversations = Conversations(folder / "conversations", random_orders(seed))
        services = undo.enter_context(FaultyServices(folder))
        stack = undo.enter_context(
            Stack(
                data_folder=folder,
                environment=services.environment,
                worker_slots=at_once + SPARE_SLOTS,
                realtime_arguments=(*conversations.arguments, "--frame-stride", str(FRAME_STRIDE)),
                simulate_realtime=True,
            )
        )
        tell(f"{calls} calls in {len(plan)} rounds on {stack.address.switch}")
        run = _Run(stack, services, plan, conversations.orders, seed=seed, skipped=skipped)
        result = asyncio.run(run.run())
    report(asdict(result), as_json=as_json)
    return 0 if result.kept else 1


@dataclass(slots=True)
class _Call:
    """One call of a round, and what meets it."""

    caller: FaultCaller
    faults: tuple[str, ...]


class _Run:
    """Plays the rounds of a run, then judges all its calls."""

    def __init__(
        self,
        stack: Stack,
        services: FaultyServices,
        plan: Sequence[Round],
        orders: Sequence[SpokenOrder],
        *,
        seed: int,
        skipped: Mapping[Shared, str],
    ) -> None:
        self._stack, self._plan, self._orders = stack, plan, orders
        assert stack.address.journal is not None, "Realtime is simulated"
        self._journal = JournalReader(Path(stack.address.journal))
        self._realtime, self._ear = RealtimeFaults(stack), PromptEar()
        self._skipped = skipped
        self._seed, self._dice = seed, random.Random(seed)
        self._calls: list[_Call] = []
        self._happened: Counter[str] = Counter()
        self._faults = StackFaults(
            stack, services, self._realtime, dice=self._dice, switch_died=self._cut_calls
        )

    async def run(self) -> FaultsBench:
        began, idle = time.monotonic(), _idle_and_total_ticks()
        async with Phone() as phone:
            for number, one in enumerate(self._plan, start=1):
                played = await self._play(phone, one)
                silence = max(
                    (_silence_s(call.caller.experience, self._ear) for call in played), default=0.0
                )
                named = one.shared if not one.alone else " ".join(f.name for f in one.alone)
                tell(f"round {number}/{len(self._plan)} {named}: silence {silence:.1f} s")
        seconds, now_idle = time.monotonic() - began, _idle_and_total_ticks()
        return await asyncio.to_thread(
            self._judge, seconds, 100 * (now_idle[0] - idle[0]) / (now_idle[1] - idle[1])
        )

    # --- A round -------------------------------------------------------------------------------

    async def _play(self, phone: Phone, one: Round) -> list[_Call]:
        await self._faults.prepare(one.shared)
        before = len(self._calls)
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
        return self._calls[before:]

    async def _happen(self, name: str, moment: float) -> None:
        await asyncio.sleep(moment)
        self._happened[name] += 1
        tell(f"{name} after {moment:.1f} s")
        await self._faults.happen(name)

    async def _call(self, phone: Phone, start: float, shared: str, fault: CallFault | None) -> None:
        await asyncio.sleep(start)
        caller = self._new_caller(shared, fault)
        if fault is not None and fault.name != Alone.FRAMES_STOP:
            await self._realtime.plan(fault)
        await caller.call(phone, self._stack.address.direct_uri)
        if caller.experience.cut_by_freeswitch:  # they call again
            await self._new_caller(shared, None).call(phone, self._stack.address.direct_uri)

    def _new_caller(self, shared: str, fault: CallFault | None) -> FaultCaller:
        number = f"+3363998{len(self._calls):04d}"
        lived = Experience(number, self._dice.choice(self._orders))
        caller = FaultCaller(lived, self._journal, self._ear, fault=fault)
        names = (fault.name,) if fault else (shared,)
        self._calls.append(_Call(caller, names))
        return caller

    def _cut_calls(self) -> None:
        for call in self._calls:
            call.caller.cut()

    # --- After the last call -------------------------------------------------------------------

    def _judge(self, seconds: float, idle_percent: float) -> FaultsBench:
        lived = [_lived(call.caller.experience, self._ear) for call in self._calls]
        numbers = [call.caller.experience.number for call in self._calls]
        confirmed = {number for number, one in zip(numbers, lived, strict=True) if one.confirmed}
        stored = settled_orders(self._stack.address.database_url, awaited=confirmed)
        verdicts = [
            judge(one, stored.get(number, ())) for number, one in zip(numbers, lived, strict=True)
        ]
        redis = sync_redis(self._stack.address.redis_url, timeout_s=REDIS_DEADLINE_S)
        leaked = wait_for_leaks(redis, self._stack.switch)
        happened = self._happened + self._realtime.happened(self._journal.entries)
        happened[Alone.FRAMES_STOP] = sum(
            call.caller.frames_stopped_at is not None for call in self._calls
        )
        tally = Tally.of(verdicts)
        return FaultsBench(
            switch=self._stack.address.switch,
            calls=len(self._calls),
            faults=happened.total(),
            **asdict(tally),
            slots_leaked=sum(leaked.values()),
            cut_by_freeswitch=sum(one.cut_by_freeswitch for one in lived),
            misheard=sum(call.caller.experience.misheard for call in self._calls),
            control_silence_s=round(
                max(
                    (
                        verdict.silence_s
                        for call, verdict in zip(self._calls, verdicts, strict=True)
                        if call.faults == (NOTHING,)
                    ),
                    default=0.0,
                ),
                2,
            ),
            cpu_idle_percent=round(idle_percent, 1),
            seconds=round(seconds, 1),
            seed=self._seed,
            by_fault={str(name): count for name, count in sorted(happened.items()) if count},
            broken=self._broken(verdicts, lived),
            leaked=leaked,
            skipped={str(name): reason for name, reason in self._skipped.items()},
        )

    def _broken(
        self, verdicts: Sequence[Verdict], lived: Sequence[LivedCall]
    ) -> list[dict[str, object]]:
        found = []
        for at, (call, verdict, one) in enumerate(zip(self._calls, verdicts, lived, strict=True)):
            if verdict.broken:
                found.append({"call": at, "faults": call.faults, "broken": verdict.broken})
                tell(f"call {at} {call.faults}: {verdict} heard {one.heard}")
        return found


def _folder(undo: ExitStack, keep: Path | None) -> Path:
    """Make the folder of a run, which the services' user can pass through."""
    if keep is None:
        keep = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="alloresto-faults-")))
    keep.mkdir(parents=True, exist_ok=True)
    keep.chmod(0o711)
    return keep.absolute()


def _lived(experience: Experience, ear: PromptEar) -> LivedCall:
    return LivedCall(
        lines=experience.order.lines,
        total_cents=experience.order.total_cents,
        answered=any(frame.audible for frame in experience.heard),
        confirmed=experience.confirmed,
        heard=tuple(experience.words),
        silence_s=_silence_s(experience, ear),
        cut_by_freeswitch=experience.cut_by_freeswitch,
        given_to_a_human=ear.given_to_a_human(experience.prompts),
    )


def _silence_s(experience: Experience, ear: PromptEar) -> float:
    if experience.answered_at is None:
        return 0.0
    return round(
        longest_silence_s(
            experience.heard,
            experience.spoken,
            since=experience.answered_at,
            until=ear.last_words_at(experience.prompts) or experience.ended_at,
        ),
        2,
    )


def _idle_and_total_ticks() -> tuple[int, int]:
    """Return this machine's idle and total clock ticks (proc(5), /proc/stat)."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return ticks[3], sum(ticks)
