"""Does FreeSWITCH still speak SIP? Its HEARTBEAT and its event socket go on while it does not.

An OPTIONS to the own profile, as a carrier would send it. Any final answer counts: a bridge that is
full or draining says 503, and lives.
"""

import re
from dataclasses import dataclass
from time import monotonic
from typing import Final
from uuid import uuid4

import structlog
from gevent import socket

from controlplane.bridge import metrics
from controlplane.loop import run_loop

PROBE_EVERY_S: Final = 2.0
"""Five probes within the 10 s after which the controller calls a silent bridge lost."""
ANSWER_DEADLINE_S: Final = 1.0
"""It takes 1 ms on a healthy bridge; a REGISTER storm of 200 made it 40 ms."""
MAX_DATAGRAM: Final = 65_535

_BIND_URL: Final = re.compile(
    r"^BIND-URL\s+sip:\S*?@([^\s;:]+)(?::(\d+))?(?:\S*?;maddr=([^\s;]+))?", re.M
)
_URL: Final = re.compile(r"^URL\s+sip:\S*?@([^\s;]+)", re.M)
_FINAL: Final = re.compile(rb"SIP/2\.0 [2-6]\d\d ")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProfileAddress:
    """Where one SIP profile listens, and what it tells carriers."""

    host: str
    port: int
    public: str
    """`host:port` in its Contacts."""

    @classmethod
    def parse(cls, status: str) -> "ProfileAddress | None":
        """Read `sofia status profile NAME`; None when the profile is not running."""
        url, bind = _URL.search(status), _BIND_URL.search(status)
        if url is None or bind is None:
            return None
        host, port, address = bind.groups()
        return cls(address or host, int(port or 5060), url[1])


class SipProbe:
    """Asks every 2 s. `answers` is the last word, True until the first silence."""

    def __init__(self) -> None:
        self.address: ProfileAddress | None = None
        """None: nobody to ask."""
        self.answers = True

    def met(self, address: ProfileAddress | None) -> None:
        """Begin anew with another FreeSWITCH, or none: the last one's answers say nothing of it."""
        self.address, self.answers = address, True

    def run(self) -> None:
        """Ask as long as the process lives."""
        run_loop("sip_probe", self._turn, every_s=PROBE_EVERY_S, failures=metrics.LOOP_FAILURES)

    def _turn(self) -> None:
        address = self.address
        if address is None:
            return
        answered = self._ask(address)
        if self.address is not address:
            return
        if answered is not self.answers:
            log.warning("sip_probe", answers=answered)
        self.answers = answered

    def _ask(self, address: ProfileAddress) -> bool:
        began = monotonic()
        try:
            answered = ask(address.host, address.port, deadline_s=ANSWER_DEADLINE_S)
        except OSError:
            answered = False
        if answered:
            metrics.SIP_PROBE_SECONDS.observe(monotonic() - began)
        else:
            metrics.SIP_PROBE_FAILURES.inc()
        return answered


def ask(host: str, port: int, *, deadline_s: float) -> bool:
    """Tell whether an OPTIONS got a final answer. Raises OSError when nobody listens or answers."""
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
                return True
    return False


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
