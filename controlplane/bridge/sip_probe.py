"""Does FreeSWITCH still speak SIP? Its HEARTBEAT and its event socket go on while it does not.

Its agent asks its own profile with OPTIONS (`controlplane/sip_options.py`).
"""

import re
from dataclasses import dataclass
from time import monotonic
from typing import Final

import structlog

from controlplane.bridge import metrics
from controlplane.loop import run_loop
from controlplane.sip_options import SipAnswer, ask

PROBE_EVERY_S: Final = 2.0
"""Five probes within the 10 s after which the controller calls a silent bridge lost."""
ANSWER_DEADLINE_S: Final = 1.0
"""It takes 1 ms on a healthy bridge; a REGISTER storm of 200 made it 40 ms."""
CLOSED_DEADLINE_S: Final = 0.1
"""The own kernel says at once that nobody listens."""

_BIND_URL: Final = re.compile(
    r"^BIND-URL\s+sip:\S*?@([^\s;:]+)(?::(\d+))?(?:\S*?;maddr=([^\s;]+))?", re.M
)
_TLS_PORT: Final = re.compile(r"^TLS-BIND-URL\s+sips?:\S*?@[^\s;:]+:(\d+)", re.M)
_URL: Final = re.compile(r"^URL\s+sip:\S*?@([^\s;]+)", re.M)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProfileAddress:
    """Where one SIP profile listens, and what it tells carriers."""

    host: str
    port: int
    public: str
    """`host:port` in its Contacts."""
    tls_port: int | None = None
    """None where it speaks no TLS."""

    @property
    def ports(self) -> frozenset[int]:
        """Return the ports it listens at."""
        return frozenset({self.port, self.tls_port or self.port})

    @property
    def bound(self) -> str:
        """Return `host:port` where it listens itself."""
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, status: str) -> "ProfileAddress | None":
        """Read `sofia status profile NAME`; None when the profile is not running."""
        url, bind = _URL.search(status), _BIND_URL.search(status)
        if url is None or bind is None:
            return None
        host, port, address = bind.groups()
        tls = _TLS_PORT.search(status)
        return cls(address or host, int(port or 5060), url[1], int(tls[1]) if tls else None)


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

    def closed(self) -> bool:
        """Ask now whether FreeSWITCH has ended: nobody listens where it did."""
        address = self.address
        if address is None:
            return False
        answer = ask(address.host, address.port, deadline_s=CLOSED_DEADLINE_S)
        return answer is SipAnswer.CLOSED

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
        answer = ask(address.host, address.port, deadline_s=ANSWER_DEADLINE_S)
        answered = answer is SipAnswer.ANSWERED
        if answered:
            metrics.SIP_PROBE_SECONDS.observe(monotonic() - began)
        else:
            metrics.SIP_PROBE_FAILURES.inc()
        return answered
