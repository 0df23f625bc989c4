"""`alloresto sip trace NAME --packets`: one gateway's SIP messages, on the bridge that has it."""

import signal
from contextlib import closing
from typing import Final

from controlplane.commands import environment
from controlplane.commands.admin_database import admin_connection
from controlplane.errors import AlloRestoError
from controlplane.esl import sip_trace
from controlplane.registrations.report import account

TRACE_S: Final = 600
"""Long enough for a registration and a call; a trace left running fills nobody's night."""


class NotHere(AlloRestoError):
    """The FreeSWITCH that was asked has no such gateway."""


def trace_packets(name: str, *, port: int | None, for_s: float, unmasked: bool) -> None:
    """Print packets until Ctrl-C or the time is over; the trace is off afterwards, however this
    ends.
    """
    password = environment.esl_password()
    port = port or environment.esl_port()
    gateway = _gateway(name)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    opening = sip_trace.TraceConnection.open(host="127.0.0.1", port=port, password=password)
    with opening as connection:
        if "Invalid Gateway" in connection.api(f"sofia status gateway {gateway}"):
            raise NotHere(f"{gateway} is not on this bridge: alloresto sip show {gateway}")
        found = sip_trace.messages(
            connection, gateway, profile=environment.sip_profile(), for_s=for_s
        )
        with closing(found):
            for text in found:
                print(text if unmasked else sip_trace.masked(text), flush=True)


def _gateway(name: str) -> str:
    """Its gateway name: looked up where there is a database, else as it was typed."""
    if environment.database_url_if_set() is None:
        if name.split() != [name]:
            raise NotHere("a gateway name is one word")
        return name
    with admin_connection() as connection:
        return account(connection, name).gateway


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
