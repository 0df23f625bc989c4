"""`alloresto bench failover`: a bridge dies with all it has; when does the carrier know better?

FreeSWITCH and bridge agent are killed (-9) at one instant. It is measured at the registrar: an
account is saved when its newest binding is on another bridge.
"""

import time
from dataclasses import asdict, dataclass
from typing import Final

import click
from sqlalchemy import text

from controlplane.commands.options import json_line_option
from controlplane.local.bench.fleet import POLL_S, Fleet
from controlplane.local.bench.report import report, tell
from controlplane.log import configure_logging
from controlplane.models.sip_registration import PlacementReason

VICTIM: Final = "bridge-0"
SLACK_S: Final = 60.0
"""A machine under load may take this much longer than the pace alone would."""
SETTLE_S: Final = 3.0
"""The controller takes its first looks in this time. Ten seconds after its start it would even
loads out, and the victim would no longer be full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailoverBench:
    """The benchmark's last line. Seconds count from the kill."""

    switch: str
    registrar: str
    bridges: int
    registrations: int
    on_victim: int
    moved: int
    registers_per_second: int
    given_away_s: float | None
    """The controller has written other owners."""
    first_registered_s: float | None
    all_registered_s: float | None


@click.command()
@click.option("--on-victim", default=200)
@click.option("--on-others", default=100)
@click.option("--bridges", default=5)
@click.option("--pace", default=20)
@json_line_option
def run_bench_failover(
    *, on_victim: int, on_others: int, bridges: int, pace: int, as_json: bool
) -> int:
    """A bridge killed with all it has, until others have it.

    Measure and print. 0 when every registration of the victim was saved.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    total = on_victim + on_others * (bridges - 1)
    with Fleet(bridges=bridges, accounts=total, registers_per_second=pace, controllers=0) as fleet:
        tell(f"{bridges} bridges on {fleet.switch}, registrar {fleet.registrar.kind}")
        full_bridge(fleet, on_victim=on_victim, on_others=on_others, pace=pace)
        tell(f"{total} registered, {on_victim} of them on {VICTIM}: kill -9")
        killed_at, by_the_clock = fleet.kill(VICTIM), time.time()
        saved = _saved(fleet, on_victim, until=killed_at + on_victim / pace + SLACK_S)
        given_away_s = _given_away_s(fleet, killed_at=by_the_clock)
        switch, kind = fleet.switch, fleet.registrar.kind
    instants = sorted(saved.values())
    complete = len(instants) == on_victim
    result = FailoverBench(
        switch=switch,
        registrar=kind,
        bridges=bridges,
        registrations=total,
        on_victim=on_victim,
        moved=len(instants),
        registers_per_second=pace,
        given_away_s=given_away_s,
        first_registered_s=round(instants[0] - killed_at, 1) if instants else None,
        all_registered_s=round(instants[-1] - killed_at, 1) if complete else None,
    )
    report(asdict(result), as_json=as_json)
    return 0 if complete else 1


def full_bridge(fleet: Fleet, *, on_victim: int, on_others: int, pace: int) -> None:
    """Fill one bridge, leave room on the others, then start a controller.

    Placement would spread them evenly, so the rows are inserted as placed, before it runs.
    """
    for bridge_id in fleet.bridges:
        count = on_victim if bridge_id == VICTIM else on_others
        fleet.add_restaurants(count, bridge_id=bridge_id)
    total = len(fleet.accounts)
    fleet.wait_registered(total, deadline_s=total / pace + SLACK_S)
    fleet.wait_reported(total, deadline_s=SLACK_S)
    fleet.start_controller("controller-0")
    fleet.wait_led(deadline_s=SLACK_S)
    time.sleep(SETTLE_S)


def _given_away_s(fleet: Fleet, *, killed_at: float) -> float | None:
    """Return how long after the kill (Unix time) Postgres had the first new owner."""
    query = text(
        "SELECT extract(epoch FROM min(placed_at)) FROM sip_registration"
        " WHERE placement_reason = :failover"
    ).bindparams(failover=PlacementReason.FAILOVER.value)
    with fleet.engine.connect() as connection:
        placed_at = connection.scalar(query)
    return None if placed_at is None else round(float(placed_at) - killed_at, 2)


def _saved(fleet: Fleet, expected: int, *, until: float) -> dict[str, float]:
    """Return when (monotonic) each of the victim's accounts was first seen bound elsewhere."""
    victims = {
        number
        for number, bindings in fleet.bindings().items()
        if fleet.bridge_at(bindings[0].address) == VICTIM
    }
    if len(victims) != expected:
        tell(f"{len(victims)} bindings on {VICTIM}, not {expected}")
    saved: dict[str, float] = {}
    while len(saved) < len(victims) and time.monotonic() < until:
        bindings, now = fleet.bindings(), time.monotonic()
        for number in victims - saved.keys():
            found = bindings.get(number)
            if found and fleet.bridge_at(found[0].address) != VICTIM:
                saved[number] = now
        time.sleep(POLL_S)
    return saved
