"""An offer is answered with an audio codec both sides have (RFC 3264)."""

import pytest

from freeswitch.telephone.g711 import Codec
from freeswitch.telephone.sdp import AudioDescription, SdpError

pytestmark = pytest.mark.unit

FREESWITCH_OFFER = b"""v=0\r
o=FreeSWITCH 1795327786 1795327787 IN IP4 127.0.0.2\r
s=FreeSWITCH\r
c=IN IP4 127.0.0.2\r
t=0 0\r
m=audio 35640 RTP/AVP 8 0 101 13\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=rtpmap:13 CN/8000\r
a=ptime:20\r
m=video 35642 RTP/AVP 96\r
c=IN IP4 127.0.0.9\r
"""
"""Captured from FreeSWITCH 1.10.12; the video stream was added."""


def test_offer_of_freeswitch() -> None:
    offer = AudioDescription.parse(FREESWITCH_OFFER)

    assert (offer.host, offer.port) == ("127.0.0.2", 35_640)
    assert offer.codecs == (Codec.PCMA, Codec.PCMU)
    assert (offer.telephone_event, offer.ptime_ms, offer.direction) == (101, 20, "sendrecv")


def test_the_streams_own_address_wins() -> None:
    body = FREESWITCH_OFFER.replace(b"a=ptime", b"c=IN IP4 127.0.0.3/127\r\na=ptime")

    assert AudioDescription.parse(body).host == "127.0.0.3"


def test_the_offerers_first_codec_wins() -> None:
    offer = AudioDescription.parse(FREESWITCH_OFFER)

    answer = offer.answer(host="127.0.0.1", port=4_000, supported=(Codec.PCMU, Codec.PCMA))

    assert answer.codecs == (Codec.PCMA,)
    again = AudioDescription.parse(bytes(answer))
    assert (again.port, again.codecs, again.telephone_event) == (4_000, (Codec.PCMA,), 101)


def test_no_codec_in_common() -> None:
    offer = AudioDescription.parse(FREESWITCH_OFFER.replace(b"AVP 8 0 101 13", b"AVP 9 101"))

    with pytest.raises(SdpError):
        offer.answer(host="127.0.0.1", port=4_000, supported=(Codec.PCMU, Codec.PCMA))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        FREESWITCH_OFFER.replace(b"m=audio", b"m=image"),
        FREESWITCH_OFFER.replace(b"c=IN IP4 127.0.0.2\r\n", b"").replace(
            b"c=IN IP4 127.0.0.9", b""
        ),
        FREESWITCH_OFFER.replace(b"35640", b"many"),
    ],
)
def test_no_audio(body: bytes) -> None:
    with pytest.raises(SdpError):
        AudioDescription.parse(body)
