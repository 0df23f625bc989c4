"""FreeSWITCH's copies of the SIP messages it sends and gets, one a datagram: HEP version 3, the
protocol of Homer (sofia-sip, tport_logging.c). No I/O.
"""

import struct
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

MAX_DATAGRAM: Final = 65_535

_HEADER: Final = struct.Struct(">4sH")
_CHUNK: Final = struct.Struct(">HHH")
_SOURCE_IP4, _SOURCE_IP6, _SOURCE_PORT, _PAYLOAD = 3, 5, 7, 15


@dataclass(frozen=True, slots=True)
class Copy:
    """One datagram or stream segment as it was on the wire."""

    host: str
    port: int
    """Who sent it."""
    payload: bytes


def parse_copy(datagram: bytes) -> Copy | None:
    """Read one datagram; None when it is not whole, or not HEP."""
    if len(datagram) < _HEADER.size:
        return None
    mark, length = _HEADER.unpack_from(datagram)
    if mark != b"HEP3" or length > len(datagram):
        return None
    chunks = _chunks(datagram[_HEADER.size : length])
    host = chunks.get(_SOURCE_IP4) or chunks.get(_SOURCE_IP6) or b""
    port, payload = chunks.get(_SOURCE_PORT, b""), chunks.get(_PAYLOAD)
    if payload is None or len(host) not in (4, 16) or len(port) != 2:
        return None
    return Copy(str(ip_address(host)), int.from_bytes(port, "big"), payload)


def _chunks(data: bytes) -> dict[int, bytes]:
    """Return the generic chunks' values by type; what follows a broken one is left out."""
    found: dict[int, bytes] = {}
    at = 0
    while at + _CHUNK.size <= len(data):
        vendor, kind, length = _CHUNK.unpack_from(data, at)
        if length < _CHUNK.size:
            break
        if vendor == 0:
            found[kind] = data[at + _CHUNK.size : at + length]
        at += length
    return found
