"""`alloresto bridge`: the bridges, and the drain of one, watched until its end.

Asking is a row in Postgres; the controller moves the registrations, the bridge's agent does the
rest. Whoever stops watching stops nothing.
"""

import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import click
from redis import Redis
from sqlalchemy import Engine

from controlplane.commands import record
from controlplane.commands.admin_database import admin_connection, admin_engine
from controlplane.commands.bridge_state import (
    BridgeState,
    Phase,
    Waiting,
    bridge_state,
    bridge_states,
    redis_client,
    set_drain,
    waiting,
)
from controlplane.commands.options import json_lines_option
from controlplane.registrations.admin_requests import RequestRefused
from controlplane.text_table import table

POLL_S: Final = 0.5
"""A person watches; a heartbeat comes twice a second."""
RESUME_DEADLINE_S: Final = 5.0
"""The bridge is told at once, or looks by itself: every half second while it drains."""
NAMES_SHOWN: Final = 10
"""So many of the registrations that are held up are named; the others are counted."""
CALLED_OFF_EXIT: Final = 1

bridge_argument = click.argument("name", metavar="NAME")


@click.command()
@json_lines_option
def list_(*, as_json: bool) -> None:
    """One line per bridge: address, alive, drain, registered/assigned/capacity, calls."""
    with admin_connection() as connection:
        states = bridge_states(connection, redis_client())
    if as_json:
        for state in states:
            print(record.as_json(_record(state)))
        return
    titles = ["BRIDGE", "ADDRESS", "ALIVE", "DRAIN", "REGISTERED/ASSIGNED/CAPACITY", "CALLS"]
    print(table(titles, [_line(state) for state in states]))
    if any(not state.heartbeats_known for state in states):
        print(
            "alloresto: Redis does not answer at REDIS_URL: only Postgres is shown", file=sys.stderr
        )


@click.command()
@bridge_argument
@click.option("--wait", is_flag=True, help="Watch until its end.")
@click.option("--force", is_flag=True, help="Even if some registrations have no room elsewhere.")
@json_lines_option
def drain(*, name: str, wait: bool, force: bool, as_json: bool) -> int:
    """Move its registrations away, let its calls end, then end its FreeSWITCH and agent."""
    redis = redis_client()
    with admin_engine() as engine:
        with engine.begin() as connection:
            state = bridge_state(connection, redis, name)
            if not state.drain_requested:
                _refuse(state, force=force)
                set_drain(connection, name, wanted=True)
        watch = Watch(engine, redis, before=state, as_json=as_json)
        if not wait:
            watch.tell()
            return 0
        try:
            return watch.until_it_ends()
        except KeyboardInterrupt:
            print(
                f"alloresto: {name} drains on; to call it off: alloresto bridge resume {name}",
                file=sys.stderr,
            )
            return 130


@click.command()
@bridge_argument
def resume(*, name: str) -> int:
    """Call a drain off: the bridge takes calls and registrations again."""
    redis = redis_client()
    with admin_engine() as engine:
        with engine.begin() as connection:
            state = bridge_state(connection, redis, name)
            if state.phase is Phase.NONE:
                raise RequestRefused(f"{name} is not being drained")
            if state.phase is Phase.STOPPING:
                raise RequestRefused(
                    f"{name} shuts down already; once started again it takes registrations"
                )
            set_drain(connection, name, wanted=False)
        until = time.monotonic() + RESUME_DEADLINE_S
        while time.monotonic() < until:
            with engine.connect() as connection:
                state = bridge_state(connection, redis, name)
            if state.phase is Phase.NONE:
                print(_taken_back(state))
                return 0
            time.sleep(POLL_S)
    print(
        f"alloresto: {name} drains on: its process was told to end (SIGTERM), or its agent is away",
        file=sys.stderr,
    )
    return CALLED_OFF_EXIT


def _taken_back(state: BridgeState) -> str:
    name = state.bridge.id
    if state.beat is None:
        return f"called off; whether {name} is alive is not known: alloresto bridge list"
    return f"{name} takes calls again; registrations come back as loads are evened out"


def _refuse(state: BridgeState, *, force: bool) -> None:
    """Raises `RequestRefused` when the drain could not end well, unless `force`."""
    name = state.bridge.id
    if state.heartbeats_known and state.beat is None and not force:
        raise RequestRefused(
            f"{name} is not alive: nothing to drain (--force: keep it from coming back)"
        )
    without = state.bridge.held - state.room_elsewhere
    if without > 0 and not force:
        raise RequestRefused(
            f"{without} of {state.bridge.held} registrations on {name} have no room elsewhere"
            f" ({state.room_elsewhere} places): they would stay until there is."
            " --force drains what can move"
        )


class Watch:
    """A drain as an admin follows it."""

    def __init__(self, engine: Engine, redis: Redis, *, before: BridgeState, as_json: bool) -> None:
        """`before`: the bridge before it was asked to drain; progress is counted from there."""
        self._engine, self._redis = engine, redis
        self._before = before
        self._as_json = as_json
        self._said: dict[str, Any] | None = None

    def until_it_ends(self) -> int:
        """Tell each change, until the bridge is empty and gone, or wanted back."""
        before = self._before
        while True:
            state = self.tell()
            if state.phase is Phase.ENDED or (
                before.instance and state.instance != before.instance
            ):
                return 0
            if state.phase is Phase.NONE:
                print(f"alloresto: the drain of {before.bridge.id} was called off", file=sys.stderr)
                return CALLED_OFF_EXIT
            time.sleep(POLL_S)

    def tell(self) -> BridgeState:
        """Look once, and print what is seen when it differs from what was said last."""
        with self._engine.connect() as connection:
            state = bridge_state(connection, self._redis, self._before.bridge.id)
            left = waiting(connection, state)
        progress = _progress(state, left, before=self._before)
        if progress != self._said:
            now = datetime.now(UTC)
            print(
                record.as_json({"at": now, **progress})
                if self._as_json
                else _sentence(progress, now),
                flush=True,
            )
        self._said = progress
        return state


def _progress(state: BridgeState, left: list[Waiting], *, before: BridgeState) -> dict[str, Any]:
    return {
        "bridge": state.bridge.id,
        "step": state.phase.value,
        "left": len(left),
        "moved": max(0, before.bridge.held - len(left)),
        "waiting": [one._asdict() for one in left],
        "calls": state.beat.active_calls if state.beat else None,
    }


def _sentence(progress: dict[str, Any], now: datetime) -> str:
    """One line, and below it what is held up and why."""
    calls = "?" if progress["calls"] is None else progress["calls"]
    line = (
        f"{now:%H:%M:%S}Z  {progress['bridge']}  {progress['step']:<8}"
        f"  {progress['left']:>3} left, {progress['moved']:>3} moved, {calls} calls"
    )
    reasons = Counter(one["why"] for one in progress["waiting"])
    lines = [f"    {count:>3}  {why}" for why, count in reasons.most_common(NAMES_SHOWN)]
    held_up = [one for one in progress["waiting"] if _is_held_up(one["why"])]
    lines += [f"         {one['gateway']}: {one['why']}" for one in held_up[:NAMES_SHOWN]]
    return "\n".join([line, *lines])


def _is_held_up(why: str) -> bool:
    return why.startswith(("refused", "suspended", "no room"))


def _line(state: BridgeState) -> list[str]:
    registered = state.beat.registered if state.beat else "?"
    return [
        state.bridge.id,
        state.address or "-",
        state.alive,
        state.phase.value,
        f"{registered}/{state.assigned}/{state.bridge.capacity}",
        str(state.beat.active_calls) if state.beat else "?",
    ]


def _record(state: BridgeState) -> dict[str, Any]:
    return {
        "bridge": state.bridge.id,
        "address": state.address,
        "alive": state.beat is not None if state.heartbeats_known else None,
        "drain": None if state.phase.value == "-" else state.phase.value,
        "registered": state.beat.registered if state.beat else None,
        "assigned": state.assigned,
        "held": state.bridge.held,
        "capacity": state.bridge.capacity,
        "calls": state.beat.active_calls if state.beat else None,
        "instance": state.instance,
    }
