"""`alloresto bench call`: calls to the whole stack, measured at the caller's ear.

Every call is dialled straight to the bridge (as its carrier would), asks a question, interrupts the
answer and hangs up. One more call listens to a minute of speech for gaps.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click

from controlplane.commands.options import json_line_option
from controlplane.commands.stack_address import StackAddress
from controlplane.contracts.messages import AgentConnected, AnyCallEvent, CallArrived
from controlplane.local.bench.measures import (
    HeardFrame,
    delta_to_ear_ms,
    gaps_ms,
    heard_error_ms,
    heard_frames,
    interrupt_to_silence_ms,
    percentile,
)
from controlplane.local.demo.caller import (
    AUDIBLE_RMS,
    CALLER_NUMBER,
    INTERRUPT_AFTER_MS,
    Ear,
    rms,
    speech,
)
from controlplane.local.demo.journal import JournalEntry, read_journal
from controlplane.local.demo.stack import Stack
from controlplane.local.demo.transcript import LiveTranscript
from controlplane.log import configure_logging
from freeswitch.telephone.dialog import Dialog
from freeswitch.telephone.phone import CallError, Phone

BETWEEN_CALLS_S: Final = 3.0
"""Calls are dialled this far apart, so that a session in the journal belongs to the last call
dialled; a call lasts about 15 s."""

CONCURRENT_CALLS: Final = 12

MONOLOGUE_MS: Final = 62_000
CONTINUOUS_S: Final = 60.0
STARTUP_MS: Final = 200
"""The receiver starts up in this much of continuous speech, which is not measured."""

AFTERMATH_S: Final = 3.0
"""The call goes on this long after the interruption, for its truncation to be in the journal and
the next answer to begin."""

QUESTION: Final = "qu_avez_vous_comme_pizzas"
INTERRUPTION: Final = "finalement_un_coca"


@dataclass(frozen=True, slots=True)
class CallBench:
    """The benchmark's last line. Times are in milliseconds, and a p95 is over all calls."""

    switch: str
    calls: int
    time_to_agent_ms_p95: float | None
    first_sound_ms_p95: float | None
    delta_to_ear_ms_p95: float | None
    interrupt_to_silence_ms_p95: float | None
    heard_error_ms_max: float | None
    gap_ms_max: float | None


@click.command()
@click.option("--calls", default=50)
@json_line_option
def run_bench_call(*, calls: int, as_json: bool) -> int:
    """Calls, measured at the caller's ear.

    Measure and print. 0 when every call was measured.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    with Stack(worker_slots=CONCURRENT_CALLS, simulate_realtime=True) as stack:
        address = stack.address
        with LiveTranscript(address.redis_url, show=None) as transcript:
            dialogs = asyncio.run(_many_calls(address, calls))
        measured = _measure(address, dialogs, transcript.events)
    monologue = ("--monologue-ms", str(MONOLOGUE_MS))
    with Stack(realtime_arguments=monologue, simulate_realtime=True) as stack:
        gap = asyncio.run(_one_minute(stack.address))
    result = CallBench(switch=address.switch, calls=len(dialogs), gap_ms_max=gap, **measured)
    if not as_json:
        for name, value in asdict(result).items():
            print(f"{name:32} {value}")
    print(json.dumps(asdict(result)))
    return 0 if len(dialogs) == calls and None not in asdict(result).values() else 1


async def _many_calls(address: StackAddress, calls: int) -> list[Dialog]:
    async with Phone() as phone:
        tasks = []
        for number in range(calls):
            tasks.append(asyncio.create_task(_one_call(phone, address.direct_uri)))
            await asyncio.sleep(BETWEEN_CALLS_S)
            if (number + 1) % 10 == 0:
                print(f"{number + 1} calls dialled", file=sys.stderr, flush=True)
        done = await asyncio.gather(*tasks)
    return [dialog for dialog in done if dialog is not None]


async def _one_call(phone: Phone, uri: str) -> Dialog | None:
    try:
        dialog = await phone.call(uri, from_number=CALLER_NUMBER)
    except CallError as error:
        print(f"call failed: {error}", file=sys.stderr, flush=True)
        return None
    try:
        ear = Ear(dialog)
        await ear.wait_for_turn_over()
        await dialog.play(speech(QUESTION))
        await ear.wait_for_speech(for_ms=INTERRUPT_AFTER_MS)
        await dialog.play(speech(INTERRUPTION))
        await asyncio.sleep(AFTERMATH_S)
    except (TimeoutError, ValueError) as error:
        print(f"call not measured: {type(error).__name__}", file=sys.stderr, flush=True)
        return None
    finally:
        await dialog.hangup()
    return dialog


async def _one_minute(address: StackAddress) -> float | None:
    """Return the longest gap (ms) in a minute of the assistant's speech, after its first
    `STARTUP_MS`.
    """
    async with Phone() as phone:
        dialog = await phone.call(address.direct_uri, from_number=CALLER_NUMBER)
        ear = Ear(dialog)
        await ear.wait_for_turn_over()
        await dialog.play(speech(QUESTION))
        await ear.wait_for_speech()
        await asyncio.sleep(CONTINUOUS_S)
        await dialog.hangup()
    heard = heard_frames(dialog.received)
    gaps = gaps_ms(heard, skip_first_ms=STARTUP_MS)
    enough = bool(heard) and heard[-1].at - heard[0].at > CONTINUOUS_S * 0.95
    return round(max(gaps), 1) if gaps and enough else None


def _measure(
    address: StackAddress, dialogs: Sequence[Dialog], events: Sequence[AnyCallEvent]
) -> dict[str, float | None]:
    journal = read_journal(Path(address.journal or ""), since=0.0)
    deltas: list[float] = []
    silences: list[float] = []
    errors: list[float] = []
    for dialog, following in zip(dialogs, [*dialogs[1:], None], strict=True):
        entries = _sessions_between(
            journal, dialog.invite_sent or 0.0, following.invite_sent if following else None
        )
        heard: list[HeardFrame] = heard_frames(dialog.received)
        deltas += delta_to_ear_ms(entries, heard)
        silences += interrupt_to_silence_ms(entries, heard)
        errors += heard_error_ms(entries, heard)
    return {
        "time_to_agent_ms_p95": _rounded(percentile(_times_to_agent(dialogs, events), 0.95)),
        "first_sound_ms_p95": _rounded(percentile(_first_sounds(dialogs), 0.95)),
        "delta_to_ear_ms_p95": _rounded(percentile(deltas, 0.95)),
        "interrupt_to_silence_ms_p95": _rounded(percentile(silences, 0.95)),
        "heard_error_ms_max": _rounded(max(errors, default=None)),
    }


def _sessions_between(
    journal: Sequence[JournalEntry], dialled: float, next_dialled: float | None
) -> list[JournalEntry]:
    """Return all entries of the sessions opened between two INVITEs."""
    sessions = {
        entry.fields["session_id"]
        for entry in journal
        if entry.kind == "SessionOpened" and dialled <= entry.at < (next_dialled or float("inf"))
    }
    return [entry for entry in journal if entry.fields["session_id"] in sessions]


def _times_to_agent(dialogs: Sequence[Dialog], events: Sequence[AnyCallEvent]) -> list[float]:
    """Return, for each call, the ms from INVITE sent to stream connected. One machine has both
    clocks.
    """
    wall_minus_monotonic = time.time() - time.monotonic()
    calls = {e.sip_call_id: e.call_id for e in events if isinstance(e, CallArrived)}
    connected = {e.call_id: e.at.timestamp() for e in events if isinstance(e, AgentConnected)}
    times = []
    for dialog in dialogs:
        call_id = calls.get(dialog.call_id)
        at = connected.get(call_id) if call_id else None
        if at is not None and dialog.invite_sent is not None:
            times.append((at - wall_minus_monotonic - dialog.invite_sent) * 1_000)
    return times


def _first_sounds(dialogs: Sequence[Dialog]) -> list[float]:
    """Return, for each call, the ms from the answer to the first audible frame."""
    times = []
    for dialog in dialogs:
        first = next((f.at for f in dialog.received if rms(f.l16) >= AUDIBLE_RMS), None)
        if first is not None and dialog.answered_at is not None:
            times.append((first - dialog.answered_at) * 1_000)
    return times


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
