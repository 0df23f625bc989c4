"""`alloresto bench false-alarms`: nothing dies, Redis restarts and the cores are busy; what moves?

Every registration that changes hands is a false alarm: a caller who rings meanwhile may be missed.
"""

import contextlib
import itertools
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

import click
from sqlalchemy import select

from controlplane.commands.options import json_line_option
from controlplane.local.bench.fleet import Fleet
from controlplane.local.bench.report import report, tell
from controlplane.local.launch.process import ManagedProcess
from controlplane.log import configure_logging
from controlplane.models.sip_registration import SipRegistration

SLACK_S: Final = 60.0
"""A machine under load may take this much longer than the pace alone would."""
SETTLE_S: Final = 15.0
"""Ten seconds after its start a controller evens loads out, which is no alarm."""
LOOK_S: Final = 1.0
OUTAGES_S: Final = (0.5, 3.0, 8.0)
"""Redis is away for these, in turn: a bridge may be silent for 5 s."""
TELL_S: Final = 300.0

Owners = dict[str, tuple[str | None, int]]
"""Bridge and epoch of each account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarmsBench:
    """The benchmark's last line."""

    switch: str
    registrar: str
    bridges: int
    registrations: int
    seconds: int
    busy_loops: int
    redis_restarts: int
    moved: int
    """Changes of an account's owner or epoch."""
    unbound_looks: int
    """Looks, one a second an account, that found no binding at the registrar."""


@click.command()
@click.option("--seconds", default=3_600)
@click.option("--bridges", default=3)
@click.option("--accounts", default=60)
@click.option("--busy", default=os.cpu_count() or 1, help="Processes that burn CPU.")
@click.option("--redis-every", default=240, help="Seconds between restarts of Redis.")
@json_line_option
def run_bench_false_alarms(
    *, seconds: int, bridges: int, accounts: int, busy: int, redis_every: int, as_json: bool
) -> int:
    """What moves while nothing dies, Redis restarts and the cores are busy.

    Measure and print. 0 when nothing moved and no account was ever without a binding.
    """
    configure_logging(process="bench", level="ERROR", human=True)
    with Fleet(bridges=bridges, accounts=accounts, controllers=2) as fleet:
        tell(f"{bridges} bridges on {fleet.switch}, registrar {fleet.registrar.kind}")
        fleet.add_restaurants(accounts)
        fleet.wait_registered(accounts, deadline_s=accounts / 20 + SLACK_S)
        fleet.wait_reported(accounts, deadline_s=SLACK_S)
        time.sleep(SETTLE_S)
        tell(f"{accounts} registered; {seconds} s begin, {busy} busy loops")
        with _busy_loops(busy):
            moved, unbound, restarts = _watch(fleet, seconds=seconds, redis_every=redis_every)
        switch, kind = fleet.switch, fleet.registrar.kind
    result = FalseAlarmsBench(
        switch=switch,
        registrar=kind,
        bridges=bridges,
        registrations=accounts,
        seconds=seconds,
        busy_loops=busy,
        redis_restarts=restarts,
        moved=moved,
        unbound_looks=unbound,
    )
    report(asdict(result), as_json=as_json)
    return 0 if moved == unbound == 0 else 1


def _watch(fleet: Fleet, *, seconds: int, redis_every: int) -> tuple[int, int, int]:
    """Return what changed hands, what was found without a binding, and restarts of Redis."""
    moved = unbound = restarts = 0
    outages = itertools.cycle(OUTAGES_S)
    began = told = restarted = time.monotonic()
    before = _owners(fleet)
    while (now := time.monotonic()) < began + seconds:
        if now >= restarted + redis_every:
            _restart_redis(fleet, away_s=next(outages))
            restarts += 1
            restarted = now
        owners, bindings = _owners(fleet), fleet.bindings()
        moved += sum(owners[name] != before.get(name) for name in owners)
        unbound += sum(not bindings.get(account.number) for account in fleet.accounts)
        before = owners
        if now >= told + TELL_S:
            tell(f"{now - began:.0f} s: {moved} moved, {unbound} unbound, {restarts} restarts")
            told = now
        time.sleep(LOOK_S)
    return moved, unbound, restarts


def _owners(fleet: Fleet) -> Owners:
    columns = SipRegistration.gateway_name, SipRegistration.bridge_id, SipRegistration.epoch
    with fleet.engine.connect() as connection:
        return {
            name: (bridge, epoch) for name, bridge, epoch in connection.execute(select(*columns))
        }


def _restart_redis(fleet: Fleet, *, away_s: float) -> None:
    valkey = fleet.services.valkey
    assert valkey is not None, "the fleet's Redis is its own"
    valkey.stop()
    time.sleep(away_s)
    valkey.start()


@contextlib.contextmanager
def _busy_loops(count: int) -> Iterator[None]:
    with contextlib.ExitStack() as loops:
        for number in range(count):
            loops.enter_context(
                ManagedProcess(
                    [sys.executable, "-c", "while True: pass"], name=f"busy-{number}", env={}
                )
            )
        yield
