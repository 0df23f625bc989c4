"""`alloresto sip trace`: the history of one registration, or its SIP messages as they come.

The history is in Postgres, so it is read from anywhere; the messages come from the FreeSWITCH
beside the command.
"""

import dataclasses
import time
from collections.abc import Iterator
from typing import Final
from uuid import UUID

import click
from sqlalchemy import Engine

from controlplane.commands import record, sip_packets
from controlplane.commands.admin_database import admin_engine
from controlplane.commands.options import account_argument, json_lines_option, port_option
from controlplane.registrations.admin_requests import HistoryEntry, history
from controlplane.registrations.report import account
from controlplane.registrations.sip_codes import code_text

POLL_S: Final = 0.3
"""A person watches; Postgres answers in a millisecond."""


@click.command()
@account_argument
@json_lines_option
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--packets", is_flag=True, help="Its SIP messages, live.")
@port_option
@click.option("--seconds", default=sip_packets.TRACE_S, help="How long, with --packets.")
@click.option("--unmasked", is_flag=True, help="With names, numbers and digest answers.")
def trace(
    *,
    name: str,
    as_json: bool,
    follow: bool,
    packets: bool,
    port: int | None,
    seconds: int,
    unmasked: bool,
) -> None:
    """Its history: placed, released, states with SIP codes; or its SIP messages."""
    if packets:
        sip_packets.trace_packets(name, port=port, for_s=float(seconds), unmasked=unmasked)
        return
    with admin_engine() as engine:
        with engine.connect() as connection:
            registration_id = account(connection, name).registration_id
        for entry in _entries(engine, registration_id, follow=follow):
            print(_entry_line(entry, as_json=as_json), flush=True)


def _entries(engine: Engine, registration_id: UUID, *, follow: bool) -> Iterator[HistoryEntry]:
    after = 0
    while True:
        with engine.connect() as connection:
            entries = history(connection, registration_id, after=after)
        for entry in entries:
            after = entry.id
            yield entry
        if not follow:
            return
        time.sleep(POLL_S)


def _entry_line(entry: HistoryEntry, *, as_json: bool) -> str:
    if as_json:
        return record.as_json(dataclasses.asdict(entry))
    words = [
        record.text(entry.at),
        (entry.bridge or "-").ljust(12),
        f"epoch {entry.epoch}".ljust(9),
        entry.event.ljust(12),
        entry.detail or "",
        "" if entry.sip_code is None else code_text(entry.sip_code),
    ]
    return "  ".join(word for word in words if word).rstrip()
