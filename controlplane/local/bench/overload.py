"""`alloresto bench overload`: more callers than one bridge carries, measured at the ears of those
who were there before.

Callers are added step by step up to the bridge's limit, each listening to one long answer; then
half as many again call. Everything is on this one machine: the callers, the simulated Realtime and
the worker take their share of the cores as well.
"""

import asyncio
import math
import os
import time
import urllib.request
from dataclasses import asdict, dataclass
from typing import Final

import click

from controlplane.commands.options import json_line_option
from controlplane.local.bench.overload_callers import Crowd, Listener, Stretch, p95_ms
from controlplane.local.bench.report import report, tell
from controlplane.local.demo.stack import Stack
from controlplane.log import configure_logging
from freeswitch.telephone.phone import Phone

FIRST_STEP: Final = 20
STEP: Final = 10
STEP_S: Final = 4.0
LISTENING_S: Final = 12.0
CLEAN_MS: Final = 40.0
"""Nobody hears a hole of two frames."""
LOST_MS: Final = 3_000.0
"""A longer silence is a call that was not served."""
SPARE_SLOTS: Final = 10
MONOLOGUE_MS: Final = 240_000
"""The answer outlasts the run: at most four minutes."""
SPEED: Final = "2"
"""The simulated Realtime speaks twice as fast as it is heard: a model does so in bursts."""
POLL_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class OverloadBench:
    """The benchmark's last line. A gap is the longest a caller heard; p95 is over the callers."""

    switch: str
    cores: int
    calls_clean: int
    """So many calls at once had no gap over `CLEAN_MS` (p95)."""
    limit: int
    """So many the bridge takes."""
    offered: int
    refused: int
    lost: int
    """Answered, and then not served; or neither answered nor refused."""
    heard_gap_ms_p95_at_limit: float | None
    heard_gap_ms_p95_at_150_percent: float | None
    way_out_margin_s_min: float | None
    limit_min: int
    """The least it came down to, for it strained."""
    refused_with: dict[str, int]
    seconds: float


class AgentMetrics:
    """Reads the bridge agent's metrics once a second, and keeps the least."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.least: dict[str, float] = {}

    async def watch(self) -> None:
        """Read until cancelled; what is not answered is read the next time."""
        while True:
            try:
                await asyncio.to_thread(self.read)
            except OSError:
                tell("the agent's metrics did not answer")
            await asyncio.sleep(POLL_S)

    def read(self) -> dict[str, float]:
        """Return its gauges as they are now. Raises OSError."""
        with urllib.request.urlopen(self._url, timeout=POLL_S * 5) as answer:
            lines = answer.read().decode().splitlines()
        pairs = [line.split() for line in lines if line.startswith("alloresto_bridge_")]
        now = {name: float(value) for name, value in pairs if not math.isnan(float(value))}
        for name, value in now.items():
            self.least[name] = min(value, self.least.get(name, math.inf))
        return now


@click.command()
@click.option("--limit", default=0, help="Calls the bridge takes; its own rule when not given.")
@json_line_option
def run_bench_overload(*, limit: int, as_json: bool) -> int:
    """Half as many calls again as one bridge takes.

    Measure and print. 0 when no call was lost.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    began = time.monotonic()
    with Stack(
        worker_slots=(limit or 8 * FIRST_STEP) + SPARE_SLOTS,
        realtime_arguments=("--monologue-ms", str(MONOLOGUE_MS), "--speed", SPEED),
        simulate_realtime=True,
        max_calls=limit,
    ) as stack:
        run = OverloadRun(stack)
        asyncio.run(run.play())
        result = run.result(seconds=time.monotonic() - began)
    report(asdict(result), as_json=as_json)
    return 1 if result.lost else 0


class OverloadRun:
    """One run, from the first caller to the last."""

    def __init__(self, stack: Stack) -> None:
        self._address = stack.address
        self._metrics = AgentMetrics(stack.metrics_urls["bridge-agent"])
        self.limit = 0
        self._steps: dict[int, list[Stretch]] = {}
        self._at_limit: list[Stretch] = []
        self._over_limit: list[Stretch] = []
        self._callers: list[Listener] = []
        self._silent: list[Listener] = []

    async def play(self) -> None:
        """Add callers up to the limit, then half as many again; listen before and after."""
        self.limit = int(self._metrics.read()["alloresto_bridge_calls_limit"])
        async with Phone() as phone:
            crowd = Crowd(phone, self._address.direct_uri)
            watching = asyncio.create_task(self._metrics.watch())
            try:
                await self._fill(crowd)
                await self._overfill(crowd)
            finally:
                watching.cancel()
            self._callers = crowd.callers
            self._silent = [caller for caller in crowd.callers if not caller.up]
            await crowd.hang_up()

    async def _fill(self, crowd: Crowd) -> None:
        for calls in range(FIRST_STEP, self.limit, STEP):
            await crowd.dial(calls - len(crowd.callers))
            self._steps[calls] = await crowd.listen(crowd.up, STEP_S)
            tell(f"{len(crowd.up)} of {len(crowd.callers)} calls are up")
        await crowd.dial(self.limit - len(crowd.callers))
        self._at_limit = await crowd.listen(crowd.up, LISTENING_S)
        self._steps[self.limit] = self._at_limit
        tell(f"{len(crowd.up)} of {len(crowd.callers)} calls are up: the limit")

    async def _overfill(self, crowd: Crowd) -> None:
        before = crowd.up
        more = asyncio.create_task(crowd.dial(math.ceil(self.limit / 2)))
        self._over_limit = await crowd.listen(before, LISTENING_S)
        await more
        tell(f"{len(crowd.up)} of {len(crowd.callers)} calls are up")

    def result(self, *, seconds: float) -> OverloadBench:
        """Decode and judge."""
        clean = [
            calls
            for calls, heard in self._steps.items()
            if len(heard) == calls and (p95_ms(heard) or 0.0) <= CLEAN_MS
        ]
        codes = [caller.refused_with for caller in self._callers if caller.refused_with]
        cut = [stretch for stretch in self._over_limit if stretch.longest_gap_ms > LOST_MS]
        unserved = [caller for caller in self._silent if not caller.refused_with]
        least = self._metrics.least
        margin = least.get("alloresto_bridge_way_out_margin_seconds")
        return OverloadBench(
            switch=self._address.switch,
            cores=len(os.sched_getaffinity(0)),
            calls_clean=max(clean, default=0),
            limit=self.limit,
            offered=len(self._callers),
            refused=len(codes),
            lost=len(unserved) + len(cut),
            heard_gap_ms_p95_at_limit=p95_ms(self._at_limit),
            heard_gap_ms_p95_at_150_percent=p95_ms(self._over_limit),
            way_out_margin_s_min=None if margin is None else round(margin, 3),
            limit_min=int(least["alloresto_bridge_calls_limit"]),
            refused_with={str(code): codes.count(code) for code in sorted(set(codes))},
            seconds=round(seconds, 1),
        )
