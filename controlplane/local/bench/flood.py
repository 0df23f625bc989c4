"""`alloresto bench flood`: a carrier's calls while a stranger floods the bridge with INVITE.

Twice, each time on a stack of its own: without a firewall, then with the nftables table that the
bridge agent keeps, where this machine lets it. The stranger has an address that no carrier's
network holds, as has everybody else: only the carrier's own are in the carrier's networks.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from statistics import quantiles
from typing import Any, Final

import click
from sqlalchemy import update

from controlplane.bridge.firewall import FirewallFailed, nft
from controlplane.bridge.firewall_table import FAMILY, table_name
from controlplane.commands.options import json_line_option
from controlplane.database import sync_engine
from controlplane.local.bench.flood_sender import SHAPES
from controlplane.local.bench.report import report, tell
from controlplane.local.demo.caller import CALLER_NUMBER, Ear
from controlplane.local.demo.stack import BRIDGE_ID, Stack
from controlplane.local.launch import event_socket_probe
from controlplane.log import configure_logging
from controlplane.models.carrier import Carrier
from freeswitch.telephone.phone import CallError, CallRefused, Phone

CARRIER: Final = "127.0.0.2"
"""The carrier's calls come from here."""
CARRIER_NETWORKS: Final = ("127.0.0.1/32", f"{CARRIER}/32")
"""The stack's registrar is at the first."""
STRANGER: Final = "127.0.0.66"
FLOOD_FIRST_S: Final = 2.0
"""The flood has used up the session rate when the first call comes."""
BETWEEN_CALLS_S: Final = 0.5
ANSWER_DEADLINE_S: Final = 10.0
"""An answer takes 20 ms; an INVITE that is lost is sent again for that long."""
FIRST_SOUND_S: Final = 3.0
FORCE_DEADLINE_S: Final = 15.0
"""Networks and firewall are in force within a second or two."""
WORKER_SLOTS: Final = 8


@dataclass(frozen=True, slots=True)
class Flood:
    """What the stranger sends."""

    per_second: int
    shape: str


@dataclass(frozen=True, slots=True)
class Phase:
    """What the carrier's calls got under one flood."""

    calls: int
    answered: int
    """Counts the calls that were answered and heard the greeting."""
    refused: int
    retry_after_s_max: int | None
    """The longest that a refusal asked the carrier to stay away."""
    answer_ms_p95: float | None
    invites_per_s: float
    """What the stranger really sent."""


@click.command()
@click.option("--calls", default=40, help="Of the carrier, in each of the two runs.")
@click.option("--per-second", default=300, help="INVITEs of the stranger.")
@click.option("--shape", type=click.Choice(SHAPES), default=SHAPES[0], help="Of its INVITEs.")
@json_line_option
def run_bench_flood(*, calls: int, per_second: int, shape: str, as_json: bool) -> int:
    """Calls while a stranger floods with INVITE, without a firewall and with it.

    Measure and print. 0 when the firewall was measured and every call behind it was answered.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    flood = Flood(per_second, shape)
    switch, without = _measure(calls, flood, firewall=False)
    hindrance = _hindrance()
    if hindrance is not None:
        tell(f"no nftables here ({hindrance}): only what happens without a firewall is measured")
        behind = None
    else:
        _, behind = _measure(calls, flood, firewall=True)
    result = {
        "switch": switch,
        "firewall": "nftables" if behind else None,
        "shape": shape,
        "legit_calls": calls,
        "legit_answered": behind.answered if behind else None,
        "legit_answered_without": without.answered,
        "answered_ratio": behind.answered / calls if behind else None,
        "answered_ratio_without": without.answered / calls,
        "stranger_invites_per_s": round((behind or without).invites_per_s, 1),
        "answer_ms_p95": behind.answer_ms_p95 if behind else None,
        "answer_ms_p95_without": without.answer_ms_p95,
        "refused_without": without.refused,
        "retry_after_s_max": behind.retry_after_s_max if behind else None,
        "retry_after_s_max_without": without.retry_after_s_max,
    }
    report(result, as_json=as_json)
    return 0 if behind is not None and behind.answered == calls else 1


def _hindrance() -> str | None:
    try:
        nft("list", "tables")
    except FirewallFailed as error:
        return str(error)
    return None


def _measure(calls: int, flood: Flood, *, firewall: bool) -> tuple[str, Phase]:
    tell("with the firewall" if firewall else "without a firewall")
    settings = {"FIREWALL": "nftables" if firewall else "off"}
    with Stack(worker_slots=WORKER_SLOTS, simulate_realtime=True, agent_settings=settings) as stack:
        try:
            _narrow(stack, firewall=firewall)
            phase = asyncio.run(_flooded(stack, calls, flood))
        finally:
            if firewall:
                nft("delete", "table", FAMILY, table_name(BRIDGE_ID))
        tell(json.dumps(asdict(phase)))
        return stack.address.switch, phase


def _narrow(stack: Stack, *, firewall: bool) -> None:
    """Leave the carrier its own addresses, and wait until bridge and firewall know."""
    engine = sync_engine(stack.address.database_url, application_name="bench", pool_size=1)
    with engine.begin() as connection:
        connection.execute(update(Carrier).values(source_networks=list(CARRIER_NETWORKS)))
    engine.dispose()
    stack.processes["bridge-agent"].wait_for(
        lambda: _in_force(stack, firewall=firewall), deadline=FORCE_DEADLINE_S
    )
    stack.wait_until_ready()  # the carrier's gateway is made again


def _in_force(stack: Stack, *, firewall: bool) -> bool:
    address = stack.address
    stranger = event_socket_probe.api(
        f"acl {STRANGER} carriers", port=address.esl_port, password=address.esl_password
    )
    if stranger != "false":
        return False
    if not firewall:
        return True
    try:
        return CARRIER in nft("list", "set", FAMILY, table_name(BRIDGE_ID), "carriers4")
    except FirewallFailed:
        return False


async def _flooded(stack: Stack, calls: int, flood: Flood) -> Phase:
    seconds = FLOOD_FIRST_S + calls * BETWEEN_CALLS_S + FIRST_SOUND_S
    sender = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "controlplane.local.bench.flood_sender"),
        *("--source", STRANGER, "--target", stack.switch.sip_address),
        *("--per-second", str(flood.per_second), "--seconds", str(seconds)),
        *("--shape", flood.shape),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await asyncio.sleep(FLOOD_FIRST_S)
        async with Phone(host=CARRIER) as phone, asyncio.TaskGroup() as group:
            tasks = []
            for _ in range(calls):
                tasks.append(group.create_task(_call(phone, stack.address.direct_uri)))
                await asyncio.sleep(BETWEEN_CALLS_S)
        output, _ = await asyncio.wait_for(sender.communicate(), timeout=seconds)
    except BaseException:
        sender.kill()
        raise
    sent: dict[str, Any] = json.loads(output)
    got = [task.result() for task in tasks]
    waits = [one for one in got if isinstance(one, float)]
    refusals = [one for one in got if isinstance(one, CallRefused)]
    return Phase(
        calls=calls,
        answered=len(waits),
        refused=len(refusals),
        retry_after_s_max=max((one.retry_after or 0 for one in refusals), default=None),
        answer_ms_p95=round(quantiles(waits, n=20)[-1], 1) if len(waits) > 1 else None,
        invites_per_s=sent["sent"] / sent["seconds"],
    )


async def _call(phone: Phone, uri: str) -> float | CallError | TimeoutError:
    """Call, hear the greeting begin, hang up. The ms until the answer, or why there was none."""
    began = time.monotonic()
    try:
        dialog = await phone.call(uri, from_number=CALLER_NUMBER, deadline_s=ANSWER_DEADLINE_S)
    except CallError as error:
        return error
    answered_ms = (time.monotonic() - began) * 1_000
    try:
        async with asyncio.timeout(FIRST_SOUND_S):
            await Ear(dialog).wait_for_speech()
    except TimeoutError as error:
        return error
    finally:
        await dialog.hangup()
    return answered_ms
