"""`alloresto sip`: where each restaurant is registered, and why. Reads and writes Postgres only."""

import dataclasses
from typing import Final

import click

from controlplane.commands import record
from controlplane.commands.admin_database import admin_connection
from controlplane.commands.options import account_argument, json_lines_option, json_option
from controlplane.registrations import admin_requests, report
from controlplane.registrations.advice import explanation
from controlplane.registrations.sip_codes import code_text
from controlplane.text_table import table

PROBLEMS_EXIT: Final = 3
"""`list --problems` found some: for a script that alarms."""


@click.command()
@click.option("--bridge", metavar="ID", help="On this bridge, or moving away from it.")
@click.option("--carrier", metavar="ID", help="At this carrier.")
@click.option("--state", metavar="STATE", help="REGED, FAIL_WAIT, SUSPENDED, …")
@click.option("--problems", is_flag=True, help="Only what needs a human.")
@json_lines_option
def list_(
    *, bridge: str | None, carrier: str | None, state: str | None, problems: bool, as_json: bool
) -> int:
    """One line per restaurant: bridge, state, last code, next retry, why it is there."""
    with admin_connection() as connection:
        found = [
            one
            for one in report.accounts(connection)
            if bridge in (None, one.bridge, one.former_bridge)
            and carrier in (None, one.carrier)
            and (state is None or one.state == state.upper())
            and (not problems or one.problem is not None)
        ]
    if as_json:
        for one in found:
            print(record.as_json(_record(one)))
    else:
        _print_table(found)
    return PROBLEMS_EXIT if problems and found else 0


@click.command()
@account_argument
@json_option
def show(*, name: str, as_json: bool) -> None:
    """Everything about one restaurant's registration, but the password."""
    with admin_connection() as connection:
        shown = _record(report.account(connection, name))
    if as_json:
        print(record.as_json(shown))
    else:
        print(record.fields({field: record.text(value) for field, value in shown.items()}))


@click.command()
@account_argument
@json_option
def explain(*, name: str, as_json: bool) -> None:
    """In plain words: where it is, why, what is wrong, what to do next."""
    with admin_connection() as connection:
        found = report.account(connection, name)
        rooms = sum(bridge.room for bridge in admin_requests.bridges(connection))
    sentences = explanation(found, rooms=rooms)
    if as_json:
        told = {"gateway": found.gateway, "state": found.state, "explanation": sentences}
        print(record.as_json(told))
    else:
        print("\n".join(sentences))


@click.command()
@account_argument
def retry(*, name: str) -> None:
    """Let a suspended account be tried again."""
    with admin_connection() as connection:
        found = report.account(connection, name)
        admin_requests.retry(connection, found)
    print(f"{found.gateway} is tried again on {found.bridge or 'the bridge it will get'}")
    print(f"watch: alloresto sip trace {found.gateway} --follow")


def _print_table(found: list[report.AccountReport]) -> None:
    titles = ["GATEWAY", "RESTAURANT", "CARRIER", "BRIDGE", "STATE", "LAST CODE", "SINCE"]
    titles += ["RETRY", "WHY", "PROBLEM"]
    print(table(titles, [_line(one) for one in found]))
    registered = sum(one.registered for one in found)
    problems = sum(one.problem is not None for one in found)
    print(f"\n{len(found)} accounts, {registered} registered, {problems} need a human")


def _line(account: report.AccountReport) -> list[str]:
    bridge = account.bridge or "-"
    if account.former_bridge is not None:
        bridge = f"{account.former_bridge} → {bridge}"
    elif account.requested_bridge is not None:
        bridge = f"{bridge} → {account.requested_bridge}?"
    retry_in = "-"
    if account.retry_at is not None:
        retry_in = f"{max(0, int((account.retry_at - account.now).total_seconds()))} s"
    why = "-"
    if account.placement_reason is not None:
        why = f"{account.placement_reason}, {report.age(account.now, account.placed_at)} ago"
    return [
        account.gateway,
        account.restaurant[:24],
        account.carrier,
        bridge,
        account.state,
        code_text(account.last_sip_code),
        "-" if account.since is None else report.age(account.now, account.since),
        retry_in,
        why,
        account.problem or "",
    ]


def _record(account: report.AccountReport) -> dict[str, object]:
    derived = {
        "address_of_record": account.address_of_record,
        "state": account.state,
        "since": account.since,
        "problem": account.problem,
    }
    return {**dataclasses.asdict(account), **derived}
