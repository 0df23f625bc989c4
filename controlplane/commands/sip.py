"""`alloresto sip`: where each restaurant is registered, why, and what an admin may ask for.

Reads and writes Postgres only, so it works from anywhere; `trace --packets` alone talks to the
FreeSWITCH beside it.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from controlplane.commands import sip_account, sip_packets

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from controlplane.registrations.admin_requests import HistoryEntry
    from controlplane.registrations.report import Account

MOVE_DEADLINE_S: Final = 60.0
"""The controller acts within a second, REGISTER is paced behind others, the old bridge's
un-REGISTER takes 2 s."""
POLL_S: Final = 0.3
"""A person watches; Postgres answers in a millisecond."""
PROBLEMS_EXIT: Final = 3
"""`list --problems` found some: for a script that alarms."""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The group `sip`."""
    group = commands.add_parser("sip", help="the restaurants' SIP registrations")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    _add_list(actions)
    sip_account.add_to(actions)
    for name, command in {"show": show, "explain": explain}.items():
        _add_json(_named(actions, name, command), "JSON instead of text")
    move_parser = _named(actions, "move", move)
    move_parser.add_argument("bridge", metavar="BRIDGE", help="where to register it")
    move_parser.add_argument("--no-wait", action="store_true", help="ask, and do not watch")
    _named(actions, "retry", retry)
    trace_parser = _named(actions, "trace", trace)
    _add_json(trace_parser, "one JSON object a line")
    trace_parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")
    sip_packets.add_options(trace_parser)


def _add_list(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser("list", help=list_.__doc__)
    parser.add_argument("--bridge", metavar="ID", help="on this bridge, or moving away from it")
    parser.add_argument("--carrier", metavar="ID", help="at this carrier")
    parser.add_argument("--state", metavar="STATE", help="REGED, FAIL_WAIT, SUSPENDED, …")
    parser.add_argument("--problems", action="store_true", help="only what needs a human")
    _add_json(parser, "one JSON object a line")
    parser.set_defaults(command=list_)


def _named(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: object
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=command.__doc__)
    parser.add_argument("name", metavar="NAME", help="gateway name, slug or restaurant id")
    parser.set_defaults(command=command)
    return parser


def _add_json(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--json", action="store_true", help=what)


def list_(arguments: argparse.Namespace) -> int:
    """One line per restaurant: bridge, state, last code, next retry, why it is there."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.commands.record import as_json
    from controlplane.registrations.report import accounts
    from controlplane.text_table import table

    with admin_connection() as connection:
        found = [one for one in accounts(connection) if _wanted(one, arguments)]
    if arguments.json:
        for account in found:
            print(as_json(_record(account)))
    else:
        titles = ["GATEWAY", "RESTAURANT", "CARRIER", "BRIDGE", "STATE", "LAST CODE", "SINCE"]
        titles += ["RETRY", "WHY", "PROBLEM"]
        print(table(titles, [_line(account) for account in found]))
        registered = sum(account.registered for account in found)
        problems = sum(account.problem is not None for account in found)
        print(f"\n{len(found)} accounts, {registered} registered, {problems} need a human")
    return PROBLEMS_EXIT if arguments.problems and found else 0


def show(arguments: argparse.Namespace) -> int:
    """Everything about one restaurant's registration, but the password."""
    from controlplane.commands.record import as_json, fields

    record = _record(_account(arguments.name))
    if arguments.json:
        print(as_json(record))
    else:
        print(fields({name: _text(value) for name, value in record.items()}))
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """In plain words: where it is, why, what is wrong, what to do next."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.commands.record import as_json
    from controlplane.registrations.admin_requests import bridges
    from controlplane.registrations.advice import explanation
    from controlplane.registrations.report import account

    with admin_connection() as connection:
        found = account(connection, arguments.name)
        rooms = sum(bridge.room for bridge in bridges(connection))
    sentences = explanation(found, rooms=rooms)
    if arguments.json:
        print(as_json({"gateway": found.gateway, "state": found.state, "explanation": sentences}))
    else:
        print("\n".join(sentences))
    return 0


def move(arguments: argparse.Namespace) -> int:
    """Ask the controller to register it on another bridge, and watch until it is."""
    from controlplane.commands.admin_database import admin_engine
    from controlplane.registrations.admin_requests import ask_for_move, history
    from controlplane.registrations.report import account

    with admin_engine() as engine:
        with engine.begin() as connection:
            found = account(connection, arguments.name)
            entries = history(connection, found.registration_id)
            ask_for_move(connection, found, arguments.bridge)
        print(f"asked: {found.gateway} from {found.bridge or 'no bridge'} to {arguments.bridge}")
        if arguments.no_wait:
            return 0
        after = max((entry.id for entry in entries), default=0)
        return _watch_move(engine, found, arguments.bridge, after=after)


def retry(arguments: argparse.Namespace) -> int:
    """Let a suspended account be tried again."""
    from controlplane.commands.admin_database import admin_connection
    from controlplane.registrations.admin_requests import retry as retry_account
    from controlplane.registrations.report import account

    with admin_connection() as connection:
        found = account(connection, arguments.name)
        retry_account(connection, found)
    print(f"{found.gateway} is tried again on {found.bridge or 'the bridge it will get'}")
    print(f"watch: alloresto sip trace {found.gateway} --follow")
    return 0


def trace(arguments: argparse.Namespace) -> int:
    """Its history: placed, released, states with SIP codes; or its SIP messages."""
    if arguments.packets:
        return sip_packets.trace_packets(arguments)
    from controlplane.commands.admin_database import admin_engine
    from controlplane.registrations.report import account

    with admin_engine() as engine:
        with engine.connect() as connection:
            found = account(connection, arguments.name)
        for entry in _entries(engine, found, follow=arguments.follow):
            print(_entry_line(entry, as_json=arguments.json), flush=True)
    return 0


def _watch_move(engine: "Engine", before: "Account", bridge_id: str, *, after: int) -> int:
    """Show each step until it is REGED there and gone from its former bridge.

    `after`: the last entry of its history from before the move was asked for.
    """
    from controlplane.registrations.admin_requests import history
    from controlplane.registrations.report import account

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


def _move_step(now: "Account", bridge_id: str) -> str:
    if now.bridge != bridge_id:
        return "waiting for the controller"
    if not now.registered:
        return f"registering on {bridge_id}: {now.state}"
    if now.former_bridge is not None:
        return f"registered on {bridge_id}; {now.former_bridge} un-registers"
    return f"done: registered on {bridge_id}"


def _entries(engine: "Engine", account: "Account", *, follow: bool) -> "Iterator[HistoryEntry]":
    from controlplane.registrations.admin_requests import history

    after = 0
    while True:
        with engine.connect() as connection:
            entries = history(connection, account.registration_id, after=after)
        for entry in entries:
            after = entry.id
            yield entry
        if not follow:
            return
        time.sleep(POLL_S)


def _entry_line(entry: "HistoryEntry", *, as_json: bool) -> str:
    from controlplane.commands import record
    from controlplane.registrations.sip_codes import code_text

    if as_json:
        return record.as_json(dataclasses.asdict(entry))
    words = [
        _text(entry.at),
        (entry.bridge or "-").ljust(12),
        f"epoch {entry.epoch}".ljust(9),
        entry.event.ljust(12),
        entry.detail or "",
        "" if entry.sip_code is None else code_text(entry.sip_code),
    ]
    return "  ".join(word for word in words if word).rstrip()


def _account(name: str) -> "Account":
    from controlplane.commands.admin_database import admin_connection
    from controlplane.registrations.report import account

    with admin_connection() as connection:
        return account(connection, name)


def _wanted(account: "Account", arguments: argparse.Namespace) -> bool:
    return (
        arguments.bridge in (None, account.bridge, account.former_bridge)
        and arguments.carrier in (None, account.carrier)
        and (arguments.state is None or account.state == arguments.state.upper())
        and (not arguments.problems or account.problem is not None)
    )


def _line(account: "Account") -> list[str]:
    from controlplane.registrations.report import age
    from controlplane.registrations.sip_codes import code_text

    bridge = account.bridge or "-"
    if account.former_bridge is not None:
        bridge = f"{account.former_bridge} → {bridge}"
    elif account.requested_bridge is not None:
        bridge = f"{bridge} → {account.requested_bridge}?"
    retry_in = "-"
    if account.next_retry_at is not None:
        retry_in = f"{max(0, int((account.next_retry_at - account.now).total_seconds()))} s"
    why = "-"
    if account.placement_reason is not None:
        why = f"{account.placement_reason}, {age(account.now, account.placed_at)} ago"
    return [
        account.gateway,
        account.restaurant[:24],
        account.carrier,
        bridge,
        account.state,
        code_text(account.last_sip_code),
        "-" if account.since is None else age(account.now, account.since),
        retry_in,
        why,
        account.problem or "",
    ]


def _record(account: "Account") -> dict[str, object]:
    derived = {"state": account.state, "since": account.since, "problem": account.problem}
    return {**dataclasses.asdict(account), **derived}


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    return str(value)
