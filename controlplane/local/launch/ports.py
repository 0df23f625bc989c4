"""Finds free ports on loopback for what a demo or a test starts: servers, SIP and RTP.

All come from below 30000: above are Kubernetes' node ports and the ports the kernel gives to
outgoing connections, which could take a port between its choice here and its use. A port is handed
out once per process. Another process may still take it first, so servers are started with a retry.
"""

import random
import socket
import threading
from enum import StrEnum

LOOPBACK = "127.0.0.1"
SERVER_PORTS = range(10_240, 16_384)
RTP_PORTS = range(16_384, 30_000)
ATTEMPTS = 200
"""This many random picks are made before giving up; on a machine with half its ports taken they
never fail."""

_handed_out: set[int] = set()
_lock = threading.Lock()


class Transport(StrEnum):
    TCP = "tcp"
    UDP = "udp"


class NoFreePort(OSError):
    """Raised when no free port was found in the range."""


def free_tcp_port() -> int:
    """Return a TCP port that nothing listens on."""
    return _free_block(1, ports=SERVER_PORTS, transports=(Transport.TCP,))


def free_udp_port() -> int:
    """Return a UDP port that nothing is bound to."""
    return _free_block(1, ports=SERVER_PORTS, transports=(Transport.UDP,))


def free_sip_port() -> int:
    """Return a port free on UDP and on TCP: a SIP stack listens on both (RFC 3261 §18)."""
    return _free_block(1, ports=SERVER_PORTS, transports=(Transport.UDP, Transport.TCP))


def free_rtp_pair() -> int:
    """Return an even UDP port, for RTP, whose next one, for RTCP, is free too (RFC 3550 §11)."""
    return free_rtp_range(pairs=1).start


def free_rtp_range(*, pairs: int) -> range:
    """Return `2 * pairs` UDP ports in a row, the first even, as `rtp-start-port` and `-end-port`
    want.

    FreeSWITCH takes a pair per leg. The end port to configure is the last of the range.
    """
    start = _free_block(2 * pairs, ports=RTP_PORTS, transports=(Transport.UDP,))
    return range(start, start + 2 * pairs)


def _free_block(count: int, *, ports: range, transports: tuple[Transport, ...]) -> int:
    step = 2 if count > 1 else 1
    with _lock:
        for _ in range(ATTEMPTS):
            # Not a secret: any port will do.
            start = random.randrange(ports.start, ports.stop - count + 1, step)
            block = range(start, start + count)
            if not _handed_out.isdisjoint(block):
                continue
            if all(_is_free(port, transport) for port in block for transport in transports):
                _handed_out.update(block)
                return start
    raise NoFreePort(f"no {count} free ports between {ports.start} and {ports.stop - 1}")


def _is_free(port: int, transport: Transport) -> bool:
    kind = socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            # Every address: a server bound to all of them would share loopback unseen.
            probe.bind(("", port))
        except OSError:
            return False
    return True
