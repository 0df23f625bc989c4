"""`alloresto bridge firewall`: the table that keeps strangers from a bridge's SIP port, for a host
whose agent may not keep it itself.
"""

import sys
from typing import Final

import click

from controlplane.bridge.firewall_table import FirewallTable, controllers
from controlplane.bridge.gateways.carrier_networks import read_networks
from controlplane.commands.admin_database import admin_connection
from controlplane.commands.bridge_state import (
    BridgeState,
    bridge_state,
    bridge_states,
    redis_client,
)

SIP_PORT: Final = 5080
"""Where a bridge listens that was never heard of; `freeswitch/conf/vars.xml` has it too."""


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--port",
    "ports",
    type=int,
    multiple=True,
    help="Where its SIP is heard, if not where it says; once more for TLS.",
)
@click.option(
    "--controllers",
    "controller_networks",
    envvar="ALLORESTO_CONTROLLER_NETWORKS",
    default="",
    help="The controllers' networks, separated by commas.",
)
def firewall(*, name: str | None, ports: tuple[int, ...], controller_networks: str) -> None:
    """Print the nftables table of one bridge, or of all: carriers' networks, nobody else."""
    redis = redis_client()
    with admin_connection() as connection:
        if name is None:
            states = bridge_states(connection, redis)
        else:
            states = [bridge_state(connection, redis, name)]
        networks, refused = read_networks(connection)
    for reason in sorted(refused):
        print(f"alloresto: left out: {reason}", file=sys.stderr)
    let_in = controllers(controller_networks).union(*networks.values())
    for state in states:
        print(f"# {state.bridge.id}: {_keeper(state)}")
        table = FirewallTable(
            bridge_id=state.bridge.id,
            ports=frozenset(ports or {_port(state)}),
            own=None,
            networks=let_in,
        )
        print(table.script())


def _keeper(state: BridgeState) -> str:
    if state.beat is None:
        return "not heard of; for its host, unless its agent keeps the table"
    if state.beat.keeps_firewall:
        return "its agent keeps this table; nothing to do"
    return "for its host: nft -f FILE, again after each change of a carrier's networks"


def _port(state: BridgeState) -> int:
    """Where it listens itself; of a bridge not heard of, where carriers see it."""
    bound = state.beat.sip_bound or state.beat.sip_address if state.beat else None
    address = bound or state.address
    port = (address or "").rpartition(":")[2]
    return int(port) if port.isdecimal() else SIP_PORT
