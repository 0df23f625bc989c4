"""`alloresto bench registrations`: a thousand restaurants inserted, until the carrier has all.

They are counted at the registrar: neither Postgres nor FreeSWITCH is asked. The pace is the
carrier's.
"""

import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

import click

from controlplane.commands.options import json_line_option
from controlplane.local.bench.fleet import Fleet, FleetError
from controlplane.local.bench.placement import place_10000_s
from controlplane.local.bench.report import report, tell
from controlplane.log import configure_logging

SLACK_S: Final = 60.0
"""A machine under load may take this much longer than the pace alone would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationsBench:
    """The benchmark's last line."""

    switch: str
    registrar: str
    bridges: int
    registered: int
    """Counts the accounts that the registrar has a binding of."""
    seconds: float | None
    """Measured from the insertion of all restaurants to the last binding; None when some never
    came."""
    registers_per_second: int
    """The carrier allows this pace."""
    registers_per_second_max: int
    """Counts the REGISTERs accepted within the worst second."""
    most_on_one_bridge: int
    place_10000_s: float


@click.command()
@click.option("--registrations", default=1_000)
@click.option("--bridges", default=5)
@click.option("--pace", default=20)
@json_line_option
def run_bench_registrations(*, registrations: int, bridges: int, pace: int, as_json: bool) -> int:
    """A thousand restaurants, until the carrier has them all.

    Measure and print. 0 when all were registered.
    """
    configure_logging(process="bench", level="WARNING", human=True)
    with Fleet(bridges=bridges, accounts=registrations, registers_per_second=pace) as fleet:
        tell(f"{bridges} bridges on {fleet.switch}, registrar {fleet.registrar.kind}")
        inserted_at = time.monotonic()
        fleet.add_restaurants(registrations)
        seconds: float | None = None
        try:
            fleet.wait_registered(registrations, deadline_s=registrations / pace + SLACK_S)
            seconds = round(time.monotonic() - inserted_at, 1)
        except FleetError as error:
            tell(str(error))
        spread = fleet.spread()
        accepted = [one.at for one in fleet.registrar.seen() if one.accepted]
        switch, kind = fleet.switch, fleet.registrar.kind
    result = RegistrationsBench(
        switch=switch,
        registrar=kind,
        bridges=bridges,
        registered=spread.total(),
        seconds=seconds,
        registers_per_second=pace,
        registers_per_second_max=most_within_a_second(accepted),
        most_on_one_bridge=max(spread.values(), default=0),
        place_10000_s=round(place_10000_s(), 3),
    )
    report(asdict(result), as_json=as_json)
    return 0 if result.registered == registrations and seconds is not None else 1


def most_within_a_second(instants: Sequence[float]) -> int:
    """Return how many there were in the fullest window of one second."""
    ordered = sorted(instants)
    return max(
        (bisect_left(ordered, at + 1.0) - index for index, at in enumerate(ordered)), default=0
    )
