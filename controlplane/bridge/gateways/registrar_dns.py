"""Asks DNS about a registrar's name before its gateway is added.

A name that is only wrong does no harm: FreeSWITCH fails that REGISTER. A name whose servers never
answer keeps FreeSWITCH's resolver busy at every attempt: its gateway waits until they do.
"""

import ipaddress
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from gevent.event import AsyncResult
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from controlplane.errors import AlloRestoError
from controlplane.loop import spawn

ANSWER_DEADLINE_S: Final = 3.0
"""A resolver that is up answers within 1 s, its own retries to a dead server take 10 s and more."""
GOOD_FOR_S: Final = 60.0
"""An answer is used again for that long: 200 accounts of one carrier ask once."""
RESOLVERS: Final = 8
"""Threads: a name without an answer holds one for as long as the system's resolver takes, and is
not asked again meanwhile."""

_getaddrinfo = get_original("socket", "getaddrinfo")  # gevent's would start a hub in that thread


class DnsUnanswered(AlloRestoError):
    """The registrar's name got no answer from DNS in time."""

    def __init__(self) -> None:
        super().__init__(f"registrar: DNS did not answer within {ANSWER_DEADLINE_S:g} s")


class RegistrarDns:
    """Remembers answers, and asks one question a name at a time."""

    def __init__(self, resolve: Callable[[str], Any] | None = None) -> None:
        self._resolve = resolve or resolve_by_system
        self._pool = ThreadPool(RESOLVERS)
        self._asking: dict[str, AsyncResult[bool]] = {}
        self._answered_at: dict[str, float] = {}

    def require_answer(self, registrar: str) -> None:
        """Wait for an answer about `host[:port]`. Raises DnsUnanswered; other gateways go on."""
        host = registrar.partition(":")[0]
        if is_address(host) or self._fresh(host):
            return
        if host not in self._asking:
            self._asking[host] = AsyncResult()
            spawn("ask_dns", self._ask, host, self._asking[host])
        answer = self._asking[host]
        answer.wait(ANSWER_DEADLINE_S)
        if not answer.ready() or not answer.get():
            raise DnsUnanswered

    def _fresh(self, host: str) -> bool:
        answered_at = self._answered_at.get(host)
        return answered_at is not None and monotonic() - answered_at < GOOD_FOR_S

    def _ask(self, host: str, answer: "AsyncResult[bool]") -> None:
        answered = False
        try:
            answered = bool(self._pool.apply(self._resolve, (host,)))
        finally:  # whatever went wrong: the name is asked about again
            if answered:
                self._answered_at[host] = monotonic()
            del self._asking[host]
            answer.set(answered)


def resolve_by_system(host: str) -> bool:
    """Tell whether there was an answer, be it "no such name": FreeSWITCH asks for SRV too.

    Runs in a thread of its own, where the system's resolver may block.
    """
    try:
        _getaddrinfo(host, None, socket.AF_INET)
    except socket.gaierror as error:
        return error.errno != socket.EAI_AGAIN
    except UnicodeError:
        return True
    return True


def is_address(host: str) -> bool:
    """Tell whether it is an IPv4 address, written as one."""
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True
