"""`alloresto bridge`: the bridges, and the drain of one, watched until its end.

Asking is a row in Postgres; the controller moves the registrations, the bridge's agent does the
rest. Whoever stops watching stops nothing.
"""

import argparse
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from redis import Redis
    from sqlalchemy import Engine

    from controlplane.commands.bridge_state import BridgeState, Waiting

POLL_S: Final = 0.5
"""A person watches; a heartbeat comes every second."""
RESUME_DEADLINE_S: Final = 5.0
"""The bridge is told at once, or looks by itself: every half second while it drains."""
NAMES_SHOWN: Final = 10
"""Of the registrations that are held up; the others are counted."""
CALLED_OFF_EXIT: Final = 1


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The group `bridge`."""
    group = commands.add_parser("bridge", help="the bridges: FreeSWITCH and agent")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    list_parser = actions.add_parser("list", help=list_.__doc__)
    list_parser.add_argument("--json", action="store_true", help="one JSON object a line")
    list_parser.set_defaults(command=list_)
    drain_parser = actions.add_parser("drain", help=drain.__doc__)
    drain_parser.add_argument("name", metavar="NAME")
    drain_parser.add_argument("--wait", action="store_true", help="watch until its end")
    drain_parser.add_argument(
        "--force", action="store_true", help="even if some registrations have no room elsewhere"
    )
    drain_parser.add_argument("--json", action="store_true", help="one JSON object a line")
    drain_parser.set_defaults(command=drain)
    resume_parser = actions.add_parser("resume", help=resume.__doc__)
    resume_parser.add_argument("name", metavar="NAME")
    resume_parser.set_defaults(command=resume)


def list_(arguments: argparse.Namespace) -> int:
    """One line per bridge: address, alive, drain, registered/assigned/capacity, calls."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.commands.bridge_state import bridge_states, redis_client
    from controlplane.commands.record import as_json
    from controlplane.text_table import table

    with admin_connection() as connection:
        states = bridge_states(connection, redis_client())
    if arguments.json:
        for state in states:
            print(as_json(_record(state)))
        return 0
    titles = ["BRIDGE", "ADDRESS", "ALIVE", "DRAIN", "REGISTERED/ASSIGNED/CAPACITY", "CALLS"]
    print(table(titles, [_line(state) for state in states]))
    if any(not state.heartbeats_known for state in states):
        print(
            "alloresto: Redis does not answer at REDIS_URL: only Postgres is shown", file=sys.stderr
        )
    return 0


def drain(arguments: argparse.Namespace) -> int:
    """Move its registrations away, let its calls end, then end its FreeSWITCH and agent."""
    from controlplane.commands.admin_database import admin_engine
    from controlplane.commands.bridge_state import bridge_state, redis_client, set_drain

    redis = redis_client()
    with admin_engine() as engine:
        with engine.begin() as connection:
            state = bridge_state(connection, redis, arguments.name)
            if not state.drain_requested:
                _refuse(state, force=arguments.force)
                set_drain(connection, arguments.name, wanted=True)
        if not arguments.wait:
            _tell(engine, redis, arguments, before=state)
            return 0
        try:
            return _watch(engine, redis, arguments, before=state)
        except KeyboardInterrupt:
            print(
                f"alloresto: {arguments.name} drains on; to call it off:"
                f" alloresto bridge resume {arguments.name}",
                file=sys.stderr,
            )
            return 130


def resume(arguments: argparse.Namespace) -> int:
    """Call a drain off: the bridge takes calls and registrations again."""
    from controlplane.commands.admin_database import admin_engine
    from controlplane.commands.bridge_state import Phase, bridge_state, redis_client, set_drain
    from controlplane.registrations.admin_requests import OrderRefused

    redis, name = redis_client(), arguments.name
    with admin_engine() as engine:
        with engine.begin() as connection:
            state = bridge_state(connection, redis, name)
            if state.phase is Phase.NONE:
                raise OrderRefused(f"{name} is not being drained")
            if state.phase is Phase.STOPPING:
                raise OrderRefused(
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


def _taken_back(state: "BridgeState") -> str:
    name = state.bridge.id
    if state.beat is None:
        return f"called off; whether {name} is alive is not known: alloresto bridge list"
    return f"{name} takes calls again; registrations come back as loads are evened out"


def _refuse(state: "BridgeState", *, force: bool) -> None:
    """Raises `OrderRefused` when the drain could not end well, unless `force`."""
    from controlplane.registrations.admin_requests import OrderRefused

    name = state.bridge.id
    if state.heartbeats_known and state.beat is None and not force:
        raise OrderRefused(
            f"{name} is not alive: nothing to drain (--force: keep it from coming back)"
        )
    without = state.bridge.held - state.room_elsewhere
    if without > 0 and not force:
        raise OrderRefused(
            f"{without} of {state.bridge.held} registrations on {name} have no room elsewhere"
            f" ({state.room_elsewhere} places): they would stay until there is."
            " --force drains what can move"
        )


def _watch(
    engine: "Engine", redis: "Redis", arguments: argparse.Namespace, *, before: "BridgeState"
) -> int:
    """Tell each change, until the bridge is empty and gone, or wanted back."""
    from controlplane.commands.bridge_state import Phase

    said: object = None
    while True:
        state, said = _tell(engine, redis, arguments, before=before, said=said)
        if state.phase is Phase.ENDED or (before.instance and state.instance != before.instance):
            return 0
        if state.phase is Phase.NONE:
            print(f"alloresto: the drain of {arguments.name} was called off", file=sys.stderr)
            return CALLED_OFF_EXIT
        time.sleep(POLL_S)


def _tell(
    engine: "Engine",
    redis: "Redis",
    arguments: argparse.Namespace,
    *,
    before: "BridgeState",
    said: object = None,
) -> "tuple[BridgeState, object]":
    """One look, printed when it differs from what was `said`; what is said now."""
    from controlplane.commands.bridge_state import bridge_state, waiting
    from controlplane.commands.record import as_json

    with engine.connect() as connection:
        state = bridge_state(connection, redis, arguments.name)
        left = waiting(connection, state)
    record = _progress(state, left, before=before)
    if record != said:
        now = datetime.now(UTC)
        line = as_json({"at": now, **record}) if arguments.json else _sentence(record, now)
        print(line, flush=True)
    return state, record


def _progress(
    state: "BridgeState", left: "list[Waiting]", *, before: "BridgeState"
) -> dict[str, Any]:
    return {
        "bridge": state.bridge.id,
        "step": state.phase.value,
        "left": len(left),
        "moved": max(0, before.bridge.held - len(left)),
        "waiting": [one._asdict() for one in left],
        "calls": state.beat.active_calls if state.beat else None,
    }


def _sentence(record: dict[str, Any], now: datetime) -> str:
    """One line, and below it what is held up and why."""
    calls = "?" if record["calls"] is None else record["calls"]
    line = (
        f"{now:%H:%M:%S}Z  {record['bridge']}  {record['step']:<8}"
        f"  {record['left']:>3} left, {record['moved']:>3} moved, {calls} calls"
    )
    reasons = Counter(one["why"] for one in record["waiting"])
    lines = [f"    {count:>3}  {why}" for why, count in reasons.most_common(NAMES_SHOWN)]
    held_up = [one for one in record["waiting"] if _is_held_up(one["why"])]
    lines += [f"         {one['gateway']}: {one['why']}" for one in held_up[:NAMES_SHOWN]]
    return "\n".join([line, *lines])


def _is_held_up(why: str) -> bool:
    return why.startswith(("refused", "suspended", "no room"))


def _line(state: "BridgeState") -> list[str]:
    registered = state.beat.registered if state.beat else "?"
    return [
        state.bridge.id,
        state.address or "-",
        state.alive,
        state.phase.value,
        f"{registered}/{state.assigned}/{state.bridge.capacity}",
        str(state.beat.active_calls) if state.beat else "?",
    ]


def _record(state: "BridgeState") -> dict[str, Any]:
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
