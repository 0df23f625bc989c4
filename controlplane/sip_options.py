"""OPTIONS, as a carrier would send it: is somebody there who speaks SIP?

A kernel says at once that nobody listens at a port of its own; only a network or a machine that is
gone says nothing.
"""

import re
from enum import StrEnum
from time import monotonic
from typing import Final
from uuid import uuid4

from gevent import socket

MAX_DATAGRAM: Final = 65_535
_FINAL: Final = re.compile(rb"SIP/2\.0 [2-6]\d\d ")


class SipAnswer(StrEnum):
    """Says what came of an OPTIONS."""

    ANSWERED = "answered"
    """Any final answer counts: a bridge that is full or draining says 503, and lives."""
    CLOSED = "closed"
    """Nobody listens there: ICMP port unreachable (RFC 792)."""
    SILENT = "silent"
    """Nothing came in time, which proves nothing: a firewall, a network, a frozen process."""


def ask(host: str, port: int, *, deadline_s: float) -> SipAnswer:
    """Send one OPTIONS to an IPv4 address, and wait for what comes of it. It never raises OSError:
    what can't be asked is silent.
    """
    try:
        return _ask(host, port, deadline_s=deadline_s)
    except ConnectionRefusedError:
        return SipAnswer.CLOSED
    except OSError:
        return SipAnswer.SILENT


def _ask(host: str, port: int, *, deadline_s: float) -> SipAnswer:
    call_id = uuid4().hex
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.connect((host, port))
        own_host, own_port = connection.getsockname()
        connection.send(options(f"{host}:{port}", own=f"{own_host}:{own_port}", call_id=call_id))
        deadline = monotonic() + deadline_s
        while (left_s := deadline - monotonic()) > 0:
            connection.settimeout(left_s)
            answer = connection.recv(MAX_DATAGRAM)
            if call_id.encode() in answer and _FINAL.match(answer):
                return SipAnswer.ANSWERED
    return SipAnswer.SILENT


def options(target: str, *, own: str, call_id: str) -> bytes:
    """Build an OPTIONS request (RFC 3261 §11.1)."""
    lines = (
        f"OPTIONS sip:probe@{target} SIP/2.0",
        f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{call_id};rport",
        "Max-Forwards: 70",
        f"From: <sip:probe@{own}>;tag={call_id[:8]}",
        f"To: <sip:probe@{target}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:probe@{own}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
