"""One RTP stream each way on a UDP socket: a packet every 20 ms out, frames as they come in."""

import asyncio
import math
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from controlplane.contracts.media import FRAME_MS, SAMPLE_RATE_HZ
from freeswitch.telephone.g711 import FRAME_L16_BYTES, SILENCE_L16, Codec
from freeswitch.telephone.rtp import RtpError, RtpPacket, TelephoneEvent

Address = tuple[str, int]

FRAME_S: Final = FRAME_MS / 1_000
FRAME_SAMPLES: Final = SAMPLE_RATE_HZ * FRAME_MS // 1_000
MAX_CATCH_UP_FRAMES: Final = 10
"""After a stall of the event loop this much is sent at once; older frames are skipped as lost."""
DTMF_END_PACKETS: Final = 3
"""RFC 4733 §2.5.1.4: the end is sent three times, because a lost end is a stuck key."""
MAX_PENDING_DIGITS: Final = 64


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """A frame of audio as it arrived. `at` is monotonic seconds, `l16` mono L16 little-endian."""

    at: float
    sequence_number: int
    timestamp: int
    l16: bytes


class _Key:
    """A key being sent: one packet a tick, with the timestamp of the key's start."""

    def __init__(self, digit: str, duration_frames: int, sent: asyncio.Future[None]) -> None:
        self.digit = digit
        self.frames = duration_frames
        self.sent = sent
        self.tick = 0
        self.timestamp = 0


class RtpSession(asyncio.DatagramProtocol):
    """Carries the media of one call leg.

    A telephone calls `start`: `next_frame` gives 320 bytes of L16 each 20 ms, or None for silence.
    A switch does not: it calls `write` or `skip` once a frame, and while parked sends nothing.
    """

    def __init__(
        self,
        *,
        on_frame: Callable[[ReceivedFrame], None],
        on_digit: Callable[[str, int], None] | None = None,
        next_frame: Callable[[], bytes | None] | None = None,
    ) -> None:
        self._next_frame = next_frame
        self._on_frame = on_frame
        self._on_digit = on_digit
        self._transport: asyncio.DatagramTransport | None = None
        self._remote: Address | None = None
        self._codec = Codec.PCMA
        self._event_type: int | None = None
        self._ssrc = secrets.randbits(32)
        self._sequence_number = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._tick: asyncio.TimerHandle | None = None
        self._next_at = 0.0
        self._talking = False
        self._keys: deque[_Key] = deque()
        self._last_event_timestamp: int | None = None
        self.sending = True
        """False: what would be sent is lost on its way, as when a network fails."""
        self.sent_at: list[float] | None = None
        """Set to a list to record when each packet left (a test of the clock)."""

    @classmethod
    async def open(
        cls,
        host: str,
        *,
        port: int = 0,
        on_frame: Callable[[ReceivedFrame], None],
        on_digit: Callable[[str, int], None] | None = None,
        next_frame: Callable[[], bytes | None] | None = None,
    ) -> "RtpSession":
        """Bind a UDP port; nothing is sent before `start`."""
        session = cls(next_frame=next_frame, on_frame=on_frame, on_digit=on_digit)
        await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: session, local_addr=(host, port)
        )
        return session

    @property
    def port(self) -> int:
        """Return the UDP port that audio is received on."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def connect(self, remote: Address, *, codec: Codec, event_type: int | None) -> None:
        """Take what offer and answer agreed on: where and how to send."""
        self._remote, self._codec, self._event_type = remote, codec, event_type

    def start(self) -> None:
        """Send from now on. The clock never drifts: tick n is at the start + n × 20 ms."""
        if self._tick is None:
            self._next_at = time.monotonic()
            self._on_tick()

    def close(self) -> None:
        """Stop both ways. May be called twice."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        while self._keys:
            self._keys.popleft().sent.cancel()
        if self._transport is not None:
            self._transport.close()

    def send_digit(self, digit: str, *, duration_ms: int) -> asyncio.Future[None]:
        """Queue one key; the future ends when its last packet has left.

        Raises `ValueError` when telephone-event was not agreed on or too many keys wait.
        """
        if self._event_type is None:
            raise ValueError("the other side takes no telephone-event")
        if len(self._keys) >= MAX_PENDING_DIGITS:
            raise ValueError("too many keys waiting")
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._keys.append(_Key(digit, math.ceil(duration_ms / FRAME_MS), sent))
        return sent

    # asyncio.DatagramProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket, which is now bound."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def error_received(self, exc: Exception) -> None:
        """Do nothing: the other side's port is closed (ICMP), so it has hung up, and SIP will say
        so.
        """

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Read one packet; what is no RTP or of another payload type is dropped."""
        arrived_at = time.monotonic()
        try:
            packet = RtpPacket.parse(data)
            if packet.payload_type == self._codec.value and packet.payload:
                self._on_frame(
                    ReceivedFrame(
                        arrived_at,
                        packet.sequence_number,
                        packet.timestamp,
                        self._codec.decode(packet.payload),
                    )
                )
            elif packet.payload_type == self._event_type:
                self._receive_event(packet)
        except RtpError:
            return

    def _receive_event(self, packet: RtpPacket) -> None:
        event = TelephoneEvent.parse(packet.payload)
        if not event.end or packet.timestamp == self._last_event_timestamp:
            return
        self._last_event_timestamp = packet.timestamp
        if self._on_digit is not None:
            self._on_digit(event.digit, event.duration)

    def _on_tick(self) -> None:
        loop = asyncio.get_running_loop()
        late_frames = int((time.monotonic() - self._next_at) / FRAME_S)
        if late_frames > MAX_CATCH_UP_FRAMES:
            lost = late_frames - MAX_CATCH_UP_FRAMES
            self._next_at += lost * FRAME_S
            self._timestamp += lost * FRAME_SAMPLES
            self._sequence_number += lost
        while self._next_at <= time.monotonic():
            self._send_one()
            self._next_at += FRAME_S
        self._tick = loop.call_at(self._next_at, self._on_tick)

    def _send_one(self) -> None:
        if self._keys:
            self._send_key(self._keys[0])
            self._timestamp += FRAME_SAMPLES
        else:
            frame = self._next_frame() if self._next_frame is not None else None
            self.write(frame if frame is not None else SILENCE_L16)

    def write(self, l16: bytes) -> None:
        """Send one frame of 320 bytes now."""
        payload = self._codec.encode(l16[:FRAME_L16_BYTES])
        self._send(self._codec.value, payload, self._timestamp, marker=not self._talking)
        self._talking = True
        self._timestamp += FRAME_SAMPLES

    def skip(self) -> None:
        """Let 20 ms pass in which nothing is sent: the next packet starts a talkspurt."""
        self._talking = False
        self._timestamp += FRAME_SAMPLES

    def _send_key(self, key: _Key) -> None:
        if key.tick == 0:
            key.timestamp = self._timestamp
        key.tick += 1
        event = TelephoneEvent(
            key.digit, min(key.tick, key.frames) * FRAME_SAMPLES, end=key.tick >= key.frames
        )
        assert self._event_type is not None
        self._send(self._event_type, bytes(event), key.timestamp, marker=key.tick == 1)
        if key.tick >= key.frames + DTMF_END_PACKETS - 1:
            self._keys.popleft()
            self._talking = False
            if not key.sent.done():
                key.sent.set_result(None)

    def _send(self, payload_type: int, payload: bytes, timestamp: int, *, marker: bool) -> None:
        if self._transport is None or self._remote is None:
            return
        if not self.sending:
            self._sequence_number += 1
            return
        packet = RtpPacket(
            payload_type,
            self._sequence_number & 0xFFFF,
            timestamp & 0xFFFFFFFF,
            self._ssrc,
            payload,
            marker,
        )
        self._sequence_number += 1
        self._transport.sendto(bytes(packet), self._remote)
        if self.sent_at is not None:
            self.sent_at.append(time.monotonic())
