"""`alloresto bench events`: what FreeSWITCH's events cost a call, in events, bytes and CPU.

Everybody on the line hears the assistant speak all the time, which real callers do not: the figures
are an upper bound. What was heard is looked at afterwards, so that the telephones cost little.
"""

import asyncio
import json
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import click
from prometheus_client.parser import text_string_to_metric_families

from controlplane.commands.options import json_line_option
from controlplane.local.bench.measures import gaps_ms, heard_frames
from controlplane.local.bench.process_cost import cpu_seconds
from controlplane.local.demo.caller import CALLER_NUMBER, Ear, speech
from controlplane.local.demo.stack import Stack
from controlplane.log import configure_logging
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import Phone

BETWEEN_CALLS_S: Final = 0.3
SETTLE_S: Final = 3.0
"""By then the last caller hears the assistant too."""

MONOLOGUE_MS: Final = 120_000
STARTUP_MS: Final = 200
"""The receiver starts up in this much of continuous speech, which is not measured."""

QUESTION: Final = "qu_avez_vous_comme_pizzas"


@dataclass(frozen=True, slots=True)
class EventsBench:
    """The benchmark's last line. CPU is percent of one core; each figure is of one call."""

    switch: str
    calls: int
    events_per_s: float
    bytes_per_event: int
    switch_cpu_percent: float
    agent_cpu_percent: float
    voice_files: float
    """Files of the assistant's voice that lie in FreeSWITCH's folder at the end."""
    voice_bytes: int
    gap_ms_max: float
    """The longest hole any caller heard."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """What was counted up to a moment."""

    at: float
    switch_s: float
    agent_s: float
    events: float
    bytes: float


@click.command()
@click.option("--calls", default=20)
@click.option("--seconds", default=20)
@json_line_option
def run_bench_events(*, calls: int, seconds: int, as_json: bool) -> int:
    """Events a second, their size and their CPU, a call.

    Measure and print. 0 when every caller heard the assistant to the end.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    monologue = ("--monologue-ms", str(MONOLOGUE_MS), "--speed", "2")
    with Stack(worker_slots=calls, realtime_arguments=monologue, simulate_realtime=True) as stack:
        result, listening = asyncio.run(_measure(stack, calls, seconds))
    if not as_json:
        for name, value in asdict(result).items():
            print(f"{name:24} {value}")
    print(json.dumps(asdict(result)))
    return 0 if listening == calls else 1


async def _measure(stack: Stack, calls: int, seconds: int) -> tuple[EventsBench, int]:
    """Return the figures, and how many callers heard the assistant to the end."""
    async with Phone() as phone:
        dialogs = await _dial(phone, stack.address.direct_uri, calls)
        await asyncio.sleep(SETTLE_S)
        for dialog in dialogs:
            dialog.received.clear()
        before = _sample(stack)
        await asyncio.sleep(seconds)
        after = _sample(stack)
        files = [file.stat().st_size for file in stack.switch.temp_folder.glob("*.tmp.r8")]
        heard = [heard_frames(dialog.received) for dialog in dialogs]
        for dialog in dialogs:
            await dialog.hangup()
    elapsed = (after.at - before.at) * calls
    events = after.events - before.events
    gaps = [gap for frames in heard for gap in gaps_ms(frames, skip_first_ms=STARTUP_MS)]
    result = EventsBench(
        switch=stack.address.switch,
        calls=calls,
        events_per_s=round(events / elapsed, 1),
        bytes_per_event=round((after.bytes - before.bytes) / events),
        switch_cpu_percent=round(100 * (after.switch_s - before.switch_s) / elapsed, 2),
        agent_cpu_percent=round(100 * (after.agent_s - before.agent_s) / elapsed, 2),
        voice_files=round(len(files) / calls, 1),
        voice_bytes=round(sum(files) / calls),
        gap_ms_max=round(max(gaps, default=0.0), 1),
    )
    whole = sum(bool(frames) and frames[-1].at - frames[0].at > 0.9 * seconds for frames in heard)
    return result, whole


async def _dial(phone: Phone, uri: str, calls: int) -> Sequence[Dialog]:
    """Dial, and have the assistant speak on every line."""
    tasks = []
    for _ in range(calls):
        tasks.append(asyncio.create_task(_ask(phone, uri)))
        await asyncio.sleep(BETWEEN_CALLS_S)
    return await asyncio.gather(*tasks)


async def _ask(phone: Phone, uri: str) -> Dialog:
    dialog = await phone.call(uri, from_number=CALLER_NUMBER)
    ear = Ear(dialog)
    await ear.wait_for_turn_over()
    await dialog.play(speech(QUESTION))
    await ear.wait_for_speech()
    return dialog


def _sample(stack: Stack) -> _Sample:
    counted = {"alloresto_esl_events_total": 0.0, "alloresto_esl_event_bytes_total": 0.0}
    with urllib.request.urlopen(stack.metrics_urls["bridge-agent"], timeout=5) as page:
        families = text_string_to_metric_families(page.read().decode())
    for family in families:
        for sample in family.samples:
            if sample.name in counted:
                counted[sample.name] += sample.value
    return _Sample(
        at=time.monotonic(),
        switch_s=cpu_seconds(stack.switch.pid()),
        agent_s=cpu_seconds(stack.processes["bridge-agent"].pid),
        events=counted["alloresto_esl_events_total"],
        bytes=counted["alloresto_esl_event_bytes_total"],
    )
