"""Hears what this bridge's REGISTERs come to, from FreeSWITCH's copies of its SIP messages.

FreeSWITCH's own events tell neither how long the registrar granted a binding, nor its Retry-After,
nor that a refresh that failed was followed by an un-REGISTER. Without copies everything goes on, a
little worse: what is heard of here is never the only thing that makes a gateway register.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from gevent import socket

from controlplane.bridge import metrics
from controlplane.bridge.gateways.capture import MAX_DATAGRAM, Copy, parse_copy
from controlplane.bridge.gateways.register_messages import (
    RegisterAnswer,
    RegisterRequest,
    RegisterResponse,
    answer_to,
    register_messages,
)
from controlplane.bridge.sip_probe import ProfileAddress
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed
from controlplane.loop import run_loop

LOOPBACK: Final = "127.0.0.1"
MAX_UNANSWERED: Final = 4_096
"""Requests remembered: 200 gateways, each with a few under way."""
CHALLENGES: Final = frozenset({401, 407})
"""Not yet an answer: FreeSWITCH asks again, with credentials."""
REOPEN_S: Final = 1.0

log = structlog.get_logger()


class RegisterWatch:
    """Listens on loopback; `on_answer` hears each gateway's name and what its REGISTER came to."""

    def __init__(
        self,
        esl: EslClient,
        *,
        port: int,
        profile: str,
        on_answer: Callable[[str, RegisterAnswer], None],
    ) -> None:
        self._esl = esl
        self._port = port
        self._profile = profile
        self._on_answer = on_answer
        self._own: ProfileAddress | None = None
        """Where the profile listens: what comes from there, FreeSWITCH has sent."""
        self._sent: OrderedDict[tuple[str, int], RegisterRequest] = OrderedDict()

    @property
    def deaf(self) -> bool:
        """Tell whether the profile was not running yet when it was asked for copies."""
        return self._own is None

    def connected(self) -> None:
        """Have this FreeSWITCH send its copies. Raises EslError."""
        self._own = ProfileAddress.parse(self._esl.api(f"sofia status profile {self._profile}"))
        with suppress(EslCommandFailed):  # a switch that cannot
            self._esl.api(f"sofia profile {self._profile} capture on")

    def run(self) -> None:
        """Listen as long as the process lives."""
        run_loop("register_watch", self._listen, every_s=REOPEN_S, failures=metrics.LOOP_FAILURES)

    def _listen(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
            listening.bind((LOOPBACK, self._port))
            while True:
                self.heard(listening.recv(MAX_DATAGRAM))

    def heard(self, datagram: bytes) -> None:
        """Take one copy."""
        copy = parse_copy(datagram)
        if copy is None:
            return
        for message in register_messages(copy.payload):
            self._take(message, copy)

    def _take(self, message: RegisterRequest | RegisterResponse, copy: Copy) -> None:
        own = self._own
        by_us = own is not None and copy.host == own.host and copy.port in own.ports
        if isinstance(message, RegisterRequest) and by_us:
            self._sent[message.call_id, message.cseq] = message
            while len(self._sent) > MAX_UNANSWERED:
                self._sent.popitem(last=False)
        elif isinstance(message, RegisterResponse) and not by_us and message.status >= 200:
            request = self._sent.pop((message.call_id, message.cseq), None)
            if request is not None and message.status not in CHALLENGES:
                self._on_answer(request.gateway, answer_to(request, message))
