"""RTP packets, telephone-events and G.711 are read and written as their RFCs say."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freeswitch.telephone.g711 import SILENCE_L16, Codec, RateDoubler, halve_rate
from freeswitch.telephone.rtp import DTMF_DIGITS, RtpError, RtpPacket, TelephoneEvent

pytestmark = pytest.mark.unit


def test_layout_of_the_rfc() -> None:
    packet = RtpPacket(8, 0x1234, 0x01020304, 0xAABBCCDD, b"\xd5" * 3, marker=True)

    assert bytes(packet).hex() == "8088123401020304aabbccddd5d5d5"
    assert RtpPacket.parse(bytes(packet)) == packet


def test_sources_extension_and_padding_are_skipped() -> None:
    header = bytes.fromhex("b1 08 0001 00000000 00000001".replace(" ", ""))
    datagram = header + b"src1" + bytes.fromhex("bede0001") + b"ext!" + b"audio" + b"\0\0\x03"

    assert RtpPacket.parse(datagram).payload == b"audio"


@given(st.binary(max_size=60))
def test_any_datagram_parses_or_is_refused(datagram: bytes) -> None:
    for candidate in (datagram, b"\x80" + datagram, b"\xbf" + datagram):
        try:
            packet = RtpPacket.parse(candidate)
        except RtpError:
            continue
        assert len(packet.payload) <= len(candidate) - 12


@pytest.mark.parametrize("digit", DTMF_DIGITS)
def test_telephone_event(digit: str) -> None:
    event = TelephoneEvent(digit, 800, end=True)

    assert TelephoneEvent.parse(bytes(event)) == event


def test_telephone_event_of_the_rfc() -> None:
    """RFC 4733 §2.3: event, E R volume, duration."""
    assert bytes(TelephoneEvent("#", 0x0320, end=True)).hex() == "0b8a0320"


@pytest.mark.parametrize("payload", [b"", b"\x01\x00", b"\x10\x0a\x00\xa0"])
def test_no_key(payload: bytes) -> None:
    with pytest.raises(RtpError):
        TelephoneEvent.parse(payload)


@pytest.mark.parametrize(("codec", "silence"), [(Codec.PCMA, 0xD5), (Codec.PCMU, 0xFF)])
def test_silence_in_g711(codec: Codec, silence: int) -> None:
    assert codec.encode(SILENCE_L16) == bytes([silence]) * 160


@pytest.mark.parametrize("codec", list(Codec))
def test_g711_keeps_a_tone(codec: Codec) -> None:
    samples = [int(9_000 * math.sin(2 * math.pi * 440 * i / 8_000)) for i in range(160)]
    l16 = struct.pack("<160h", *samples)

    decoded = struct.unpack("<160h", codec.decode(codec.encode(l16)))

    assert max(abs(a - b) for a, b in zip(samples, decoded, strict=True)) < 300


def test_rates() -> None:
    doubler = RateDoubler()
    assert sum(len(doubler.double(SILENCE_L16)) for _ in range(50)) == 50 * 640 - 2
    assert len(halve_rate(bytes(640))) == 320
