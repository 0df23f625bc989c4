"""`alloresto bench faults`: calls that order while something breaks, judged by the caller's ear.

There are rounds of a few calls at once, and in each something goes wrong at a random moment.
Afterwards what every caller was told is compared with Postgres.
"""

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from controlplane.commands.options import json_line_option
from controlplane.local.bench.faults_catalogue import (
    NOTHING,
    Shared,
    matching,
    rounds,
)
from controlplane.local.bench.faults_disk import why_not
from controlplane.local.bench.faults_leaks import wait_for_leaks
from controlplane.local.bench.faults_orders import Conversations, random_orders
from controlplane.local.bench.faults_prompts import PromptEar
from controlplane.local.bench.faults_run import PlayedCall, Run
from controlplane.local.bench.faults_services import FaultyServices
from controlplane.local.bench.faults_stored import settled_orders
from controlplane.local.bench.faults_verdict import LivedCall, Tally, Verdict, judge
from controlplane.local.bench.report import report, tell
from controlplane.local.demo.stack import Stack
from controlplane.local.launch.services import REDIS_DEADLINE_S
from controlplane.log import configure_logging
from controlplane.redis_clients import sync_redis

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
@click.option(
    "--keep", type=click.Path(path_type=Path), help="Keep data and logs in this new folder."
)
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
        skipped = {str(Shared.DISK_FULL): reason} if (reason := why_not()) else {}
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
        run = Run(stack, services, plan, conversations.orders, seed=seed)
        began, idle = time.monotonic(), _idle_and_total_ticks()
        asyncio.run(run.play())
        seconds, now = time.monotonic() - began, _idle_and_total_ticks()
        result = _judged(
            stack,
            run,
            seed=seed,
            seconds=round(seconds, 1),
            cpu_idle_percent=round(100 * (now[0] - idle[0]) / (now[1] - idle[1]), 1),
            skipped=skipped,
        )
    report(asdict(result), as_json=as_json)
    return 0 if result.kept else 1


def _judged(
    stack: Stack,
    run: Run,
    *,
    seed: int,
    seconds: float,
    cpu_idle_percent: float,
    skipped: Mapping[str, str],
) -> FaultsBench:
    ear = PromptEar()
    lived = [call.lived(ear) for call in run.calls]
    numbers = [call.caller.experience.number for call in run.calls]
    confirmed = {number for number, one in zip(numbers, lived, strict=True) if one.confirmed}
    stored = settled_orders(stack.address.database_url, awaited=confirmed)
    verdicts = [
        judge(one, stored.get(number, ())) for number, one in zip(numbers, lived, strict=True)
    ]
    redis = sync_redis(stack.address.redis_url, timeout_s=REDIS_DEADLINE_S)
    leaked = wait_for_leaks(redis, stack.switch)
    happened = {str(name): count for name, count in sorted(run.happened.items()) if count}
    control = [
        one.silence_s for call, one in zip(run.calls, lived, strict=True) if call.fault == NOTHING
    ]
    return FaultsBench(
        switch=stack.address.switch,
        calls=len(run.calls),
        faults=sum(happened.values()),
        **asdict(Tally.of(verdicts)),
        slots_leaked=sum(leaked.values()),
        cut_by_freeswitch=sum(one.cut_by_freeswitch for one in lived),
        misheard=sum(call.caller.experience.misheard for call in run.calls),
        control_silence_s=max(control, default=0.0),
        cpu_idle_percent=cpu_idle_percent,
        seconds=seconds,
        seed=seed,
        by_fault=happened,
        broken=_broken(run.calls, lived, verdicts),
        leaked=leaked,
        skipped=dict(skipped),
    )


def _broken(
    calls: Sequence[PlayedCall], lived: Sequence[LivedCall], verdicts: Sequence[Verdict]
) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for at, (call, one, verdict) in enumerate(zip(calls, lived, verdicts, strict=True)):
        if verdict.broken:
            found.append({"call": at, "fault": call.fault, "broken": verdict.broken})
            tell(f"call {at} {call.fault}: {verdict}, heard {one.heard}")
    return found


def _folder(undo: ExitStack, keep: Path | None) -> Path:
    """Make the folder of a run, which the services' user can pass through."""
    if keep is None:
        keep = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="alloresto-faults-")))
    keep.mkdir(parents=True, exist_ok=True)
    if any(keep.iterdir()):
        raise click.BadParameter("the folder is not empty", param_hint="--keep")
    keep.chmod(0o711)
    return keep.absolute()


def _idle_and_total_ticks() -> tuple[int, int]:
    """Return this machine's idle and total clock ticks (proc(5), /proc/stat)."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return ticks[3], sum(ticks)
