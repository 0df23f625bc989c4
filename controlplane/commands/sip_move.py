"""`alloresto sip move`: a registration goes to another bridge, and an admin watches it go."""

import sys
import time
from typing import Final

import click
from sqlalchemy import Engine

from controlplane.commands.admin_database import admin_engine
from controlplane.commands.options import account_argument
from controlplane.registrations.admin_requests import ask_for_move, history
from controlplane.registrations.report import AccountReport, account

MOVE_DEADLINE_S: Final = 60.0
"""The controller acts within a second, REGISTER is paced behind others, the old bridge's
un-REGISTER takes 2 s."""
POLL_S: Final = 0.3
"""A person watches; Postgres answers in a millisecond."""


@click.command()
@account_argument
@click.argument("bridge", metavar="BRIDGE", help="Where to register it.")
@click.option("--no-wait", is_flag=True, help="Ask, and do not watch.")
def move(*, name: str, bridge: str, no_wait: bool) -> int:
    """Ask the controller to register it on another bridge, and watch until it is."""
    with admin_engine() as engine:
        with engine.begin() as connection:
            found = account(connection, name)
            entries = history(connection, found.registration_id)
            ask_for_move(connection, found, bridge)
        print(f"asked: {found.gateway} from {found.bridge or 'no bridge'} to {bridge}")
        if no_wait:
            return 0
        after = max((entry.id for entry in entries), default=0)
        return _watch_move(engine, found, bridge, after=after)


def _watch_move(engine: Engine, before: AccountReport, bridge_id: str, *, after: int) -> int:
    """Show each step until it is REGED there and gone from its former bridge.

    `after`: the last entry of its history from before the move was asked for.
    """
    deadline, said = time.monotonic() + MOVE_DEADLINE_S, ""
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            now = account(connection, before.gateway)
            entries = history(connection, before.registration_id, after=after)
        refused = next((e.detail for e in entries if e.event == "move_refused"), None)
        if refused is not None:
            print(f"alloresto: the controller refused: {refused}", file=sys.stderr)
            return 1
        step = _move_step(now, bridge_id)
        if step != said:
            print(step, flush=True)
            said = step
        if now.bridge == bridge_id and now.registered and now.former_bridge is None:
            return 0
        time.sleep(POLL_S)
    print(
        f"alloresto: not done within {MOVE_DEADLINE_S:g} s, and goes on:"
        f" alloresto sip explain {before.gateway}",
        file=sys.stderr,
    )
    return 1


def _move_step(now: AccountReport, bridge_id: str) -> str:
    if now.bridge != bridge_id:
        return "waiting for the controller"
    if not now.registered:
        return f"registering on {bridge_id}: {now.state}"
    if now.former_bridge is not None:
        return f"registered on {bridge_id}; {now.former_bridge} un-registers"
    return f"done: registered on {bridge_id}"
