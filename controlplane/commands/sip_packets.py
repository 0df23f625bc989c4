"""`alloresto sip trace NAME --packets`: one gateway's SIP messages, on the bridge that has it."""

import argparse
import os
import signal
from contextlib import closing
from typing import Final

from controlplane.commands import environment
from controlplane.errors import AlloRestoError

TRACE_S: Final = 600
"""Long enough for a registration and a call; a trace left running fills nobody's night."""


class NotHere(AlloRestoError):
    """The FreeSWITCH that was asked has no such gateway."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Beside those of `trace`."""
    parser.add_argument("--packets", action="store_true", help="its SIP messages, live")
    parser.add_argument("--port", type=int, default=8021, help="of FreeSWITCH's event socket")
    parser.add_argument("--seconds", type=int, default=TRACE_S, help="how long, with --packets")
    parser.add_argument(
        "--unmasked", action="store_true", help="with names, numbers and digest answers"
    )


def trace_packets(arguments: argparse.Namespace) -> int:
    """Until Ctrl-C or the time is over; the trace is off afterwards, however this ends."""
    from controlplane.esl import sip_trace

    password = environment.esl_password()
    profile = os.environ.get("ALLORESTO_SIP_PROFILE", "external")
    gateway = _gateway(arguments.name)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    opening = sip_trace.TraceConnection.open(
        host="127.0.0.1", port=arguments.port, password=password
    )
    with opening as connection:
        if "Invalid Gateway" in connection.api(f"sofia status gateway {gateway}"):
            raise NotHere(f"{gateway} is not on this bridge: alloresto sip show {gateway}")
        found = sip_trace.messages(
            connection, gateway, profile=profile, for_s=float(arguments.seconds)
        )
        with closing(found):
            for text in found:
                print(text if arguments.unmasked else sip_trace.masked(text), flush=True)
    return 0


def _gateway(name: str) -> str:
    """Its gateway name: looked up where there is a database, else as it was typed."""
    if not os.environ.get("DATABASE_URL"):
        if name.split() != [name]:
            raise NotHere("a gateway name is one word")
        return name
    from controlplane.commands.admin_database import admin_connection
    from controlplane.registrations.report import account

    with admin_connection() as connection:
        return account(connection, name).gateway


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
