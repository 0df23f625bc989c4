"""The media of a caller whose signalling is SIPp's: RTP packets as odd as a test wants them.

The caller says numbered frames (`aiworker/simulator/tone_code.py`), so that what arrives at the
other end says which of them came through, and in which order.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from aiworker.simulator.tone_code import decode_frames, encode, frame_offset
from controlplane.contracts.media import FRAME_MS, L16_BYTES_PER_MS, SAMPLE_RATE_HZ
from freeswitch.telephone.g711 import Codec
from freeswitch.telephone.rtp import RtpError, RtpPacket
from freeswitch.telephone.rtp_session import Address
from tests.waiting import elapse

_FIXED_HEADER_BYTES: Final = 12
_CODES: Final = 4_096

Order = Callable[[int], Sequence[int]]
"""Which packets, by their number, leave in the place of packet n."""


def in_order(n: int) -> Sequence[int]:
    return (n,)


def swapped(n: int) -> Sequence[int]:
    """One in ten leaves after the one behind it."""
    return {3: (n + 1,), 4: (n - 1,)}.get(n % 10, (n,))


def doubled(n: int) -> Sequence[int]:
    """One in ten leaves twice."""
    return (n, n) if n % 10 == 3 else (n,)


@dataclass(frozen=True, slots=True)
class Packets:
    """How a caller's audio is cut and sent."""

    ptime_ms: int = FRAME_MS
    burst: int = 1
    """So many leave at once, and as long a pause follows."""
    order: Order = in_order
    contributors: int = 0
    """The CSRC list has so many entries (RFC 3550 §5.1)."""
    padding: int = 0
    """The payload is followed by so many octets of padding."""
    codec: Codec = Codec.PCMA
    moves_after: int | None = None
    """From this packet on they leave from another port."""


class RtpCaller(asyncio.DatagramProtocol):
    """One UDP port. It sends to wherever the first packet comes from, once `speak` says so."""

    def __init__(self) -> None:
        self.heard_l16 = bytearray()
        """What came, in the order of its coming."""
        self._remote: Address | None = None
        self._transports: list[asyncio.DatagramTransport] = []
        self._speaking: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, host: str) -> Self:
        caller = cls()
        for _ in range(2):
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: caller, local_addr=(host, 0)
            )
            caller._transports.append(transport)
        return caller

    @property
    def port(self) -> int:
        return int(self._transports[0].get_extra_info("sockname")[1])

    @property
    def answered(self) -> bool:
        """Whether audio has come."""
        return self._remote is not None

    def close(self) -> None:
        if self._speaking is not None:
            self._speaking.cancel()
        for transport in self._transports:
            transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        try:
            packet = RtpPacket.parse(data)
        except RtpError:
            return
        if packet.payload_type in {codec.value for codec in Codec}:
            self._remote = addr
            self.heard_l16 += Codec(packet.payload_type).decode(packet.payload)

    def speak(self, packets: Packets) -> None:
        """Say numbered frames from now on, by the clock."""
        assert self._speaking is None
        self._speaking = asyncio.create_task(self._speak(packets))

    async def _speak(self, packets: Packets) -> None:
        began, sent = time.monotonic(), 0
        ssrc, first = secrets.randbits(32), secrets.randbits(14)
        while True:
            for _ in range(packets.burst):
                for n in packets.order(sent):
                    self._send(packet(n, packets, ssrc=ssrc, first=first), sent, packets)
                sent += 1
            due = began + sent * packets.ptime_ms / 1_000
            await elapse(max(0.0, due - time.monotonic()), because="speech takes its time")

    def _send(self, data: bytes, n: int, packets: Packets) -> None:
        moved = packets.moves_after is not None and n >= packets.moves_after
        if self._remote is not None:
            self._transports[moved].sendto(data, self._remote)


def packet(n: int, packets: Packets, *, ssrc: int, first: int) -> bytes:
    """Packet `n` of a caller's numbered frames."""
    samples = packets.ptime_ms * SAMPLE_RATE_HZ // 1_000
    data = bytes(
        RtpPacket(
            packets.codec.value,
            (first + n) & 0xFFFF,
            (n * samples) & 0xFFFFFFFF,
            ssrc,
            packets.codec.encode(speech(n * packets.ptime_ms, packets.ptime_ms)),
            marker=n == 0,
        )
    )
    flags = packets.contributors | (0x20 if packets.padding else 0)
    contributors = secrets.token_bytes(4 * packets.contributors)
    padding = bytes([0] * (packets.padding - 1) + [packets.padding]) if packets.padding else b""
    head, payload = data[:_FIXED_HEADER_BYTES], data[_FIXED_HEADER_BYTES:]
    return bytes([head[0] | flags]) + head[1:] + contributors + payload + padding


def speech(at_ms: int, ms: int) -> bytes:
    """L16 of the numbered frames from `at_ms` on."""
    first, last = at_ms // FRAME_MS, -(-(at_ms + ms) // FRAME_MS)
    whole = b"".join(encode(n % _CODES) for n in range(first, last))
    start = (at_ms - first * FRAME_MS) * L16_BYTES_PER_MS
    return whole[start : start + ms * L16_BYTES_PER_MS]


def numbers(l16: bytes) -> list[int]:
    """The numbers of the frames in a piece of audio, in order."""
    offset = frame_offset(l16)
    if offset is None:
        return []
    return [number for number in decode_frames(l16[2 * offset :]) if number is not None]
