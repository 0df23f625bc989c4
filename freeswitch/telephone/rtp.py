"""RTP packets (RFC 3550 §5.1) and telephone-event payloads (RFC 4733 §2.3), without sockets."""

import struct
from dataclasses import dataclass
from typing import Self

RTP_VERSION = 2
_FIXED_HEADER = struct.Struct("!BBHII")
_TELEPHONE_EVENT = struct.Struct("!BBH")

DTMF_DIGITS = "0123456789*#ABCD"
"""The keys are in the order of RFC 4733 §3.2, table 3: the position is the event code."""


class RtpError(ValueError):
    """Raised for a datagram that is not an RTP packet."""


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """An RTP packet. Header extension and contributing sources are skipped when it is read."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False

    @classmethod
    def parse(cls, datagram: bytes) -> Self:
        """Read a packet. Raises `RtpError`."""
        if len(datagram) < _FIXED_HEADER.size:
            raise RtpError("shorter than the fixed header")
        first, second, sequence_number, timestamp, ssrc = _FIXED_HEADER.unpack_from(datagram)
        if first >> 6 != RTP_VERSION:
            raise RtpError("not RTP version 2")
        start = _FIXED_HEADER.size + 4 * (first & 0x0F)
        if first & 0x10:
            if len(datagram) < start + 4:
                raise RtpError("header extension cut short")
            start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
        end = len(datagram)
        if first & 0x20:
            end -= datagram[-1]
        if end < start:
            raise RtpError("no room for the payload")
        return cls(
            payload_type=second & 0x7F,
            sequence_number=sequence_number,
            timestamp=timestamp,
            ssrc=ssrc,
            payload=datagram[start:end],
            marker=bool(second & 0x80),
        )

    def __bytes__(self) -> bytes:
        return (
            _FIXED_HEADER.pack(
                RTP_VERSION << 6,
                self.payload_type | (0x80 if self.marker else 0),
                self.sequence_number & 0xFFFF,
                self.timestamp & 0xFFFFFFFF,
                self.ssrc,
            )
            + self.payload
        )


@dataclass(frozen=True, slots=True)
class TelephoneEvent:
    """A key of the telephone. `duration` counts samples since the key went down."""

    digit: str
    duration: int
    end: bool = False
    volume: int = 10

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read a payload. Raises `RtpError`, also for events that are no key (flash, fax tones)."""
        if len(payload) < _TELEPHONE_EVENT.size:
            raise RtpError("telephone-event cut short")
        code, flags, duration = _TELEPHONE_EVENT.unpack_from(payload)
        if code >= len(DTMF_DIGITS):
            raise RtpError("not a DTMF event")
        return cls(
            digit=DTMF_DIGITS[code],
            duration=duration,
            end=bool(flags & 0x80),
            volume=flags & 0x3F,
        )

    def __bytes__(self) -> bytes:
        return _TELEPHONE_EVENT.pack(
            DTMF_DIGITS.index(self.digit),
            (0x80 if self.end else 0) | self.volume,
            min(self.duration, 0xFFFF),
        )
