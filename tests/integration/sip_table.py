"""Every SIP scenario tried on the real FreeSWITCH with our configuration, by the name it has in
docs/sip-scenarios.md.
"""

from dataclasses import dataclass, field
from typing import Final

from freeswitch.telephone.g711 import Codec
from tests.integration.answered_bridge import GATEWAY
from tests.integration.rtp_caller import Packets, doubled, swapped
from tests.integration.sipp_scenario import PCMA, Call, Request, audio, sdp

CARRIER, STRANGER = "127.0.0.2", "127.0.0.4"
OTHERS: Final = "yvonne-4e5f6071"
"""A restaurant of another carrier."""

TIMER: Final = ("Supported: timer", "Session-Expires: 90;refresher=uac", "Min-SE: 90")
CRYPTO: Final = (
    "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj",
    "crypto:2 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj",
)
FAX: Final = "m=image {port} udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:14400"
VIDEO: Final = "m=video 9 RTP/AVP 97\na=rtpmap:97 H264/90000"
HELD: Final = sdp(audio("sendonly"))
BACK: Final = Request("INVITE", PCMA)
G729: Final = sdp(audio("rtpmap:18 G729/8000", formats="18"))


@dataclass(frozen=True, slots=True)
class Scenario:
    """A call, its packets, and how much of what it says is understood."""

    call: Call = field(default_factory=Call)
    packets: Packets = field(default_factory=Packets)
    understood: float = 0.9
    """The share of the caller's frames that reach the worker, when all is well."""
    begun_again: bool = False
    """The stream is begun a second time, with a buffer for the caller's packets."""
    digit: str = ""
    """The worker hears of this key."""
    gateway: str = GATEWAY
    source: str = CARRIER


def offer(text: str, *then: Request, headers: tuple[str, ...] = ()) -> Scenario:
    return Scenario(Call(text, headers, then=then))


def refused(status: int, text: str, *, gateway: str = GATEWAY, source: str = CARRIER) -> Scenario:
    return Scenario(Call(text, answer=status), gateway=gateway, source=source)


def spoken(
    text: str = PCMA, understood: float = 0.9, *, begun_again: bool = False, **packets: object
) -> Scenario:
    sent = Packets(**packets)  # type: ignore[arg-type]
    return Scenario(Call(text), sent, understood, begun_again)


def beside_pcma(name: str, number: int) -> Scenario:
    return offer(sdp(audio(f"rtpmap:{number} {name}", formats=f"{number} 8 101")))


ANSWERED: Final = {
    "plain call": Scenario(),
    "INVITE without SDP": offer(""),
    "G.722 beside PCMA": beside_pcma("G722/8000", 9),
    "GSM beside PCMA": beside_pcma("GSM/8000", 3),
    "Opus beside PCMA": beside_pcma("opus/48000/2", 111),
    "PCMU alone": spoken(sdp(audio(formats="0")), codec=Codec.PCMU),
    "hold and back": offer(PCMA, Request("INVITE", HELD), BACK),
    "hold with inactive": offer(PCMA, Request("INVITE", sdp(audio("inactive"))), BACK),
    "hold with 0.0.0.0": offer(
        PCMA, Request("INVITE", PCMA.replace("c=IN IP4 {host}", "c=IN IP4 0.0.0.0")), BACK
    ),
    "re-INVITE without SDP": offer(PCMA, Request("INVITE")),
    "re-INVITE with no codec of ours": Scenario(
        Call(then=(Request("INVITE", G729, 488),), offered_again=True)
    ),
    "session timer of 90 s": offer(PCMA, Request("UPDATE", headers=TIMER), headers=TIMER),
    "UPDATE": offer(PCMA, Request("UPDATE")),
    "Require: 100rel": offer(PCMA, headers=("Require: 100rel",)),
    "Supported: 100rel": offer(PCMA, headers=("Supported: 100rel",)),
    "SRTP offered, not required": offer(sdp(audio(*CRYPTO))),
    "audio, then T.38": offer(sdp(audio(), FAX)),
    "T.38, then audio": offer(sdp(FAX, audio())),
    "re-INVITE to T.38": offer(PCMA, Request("INVITE", sdp(FAX), 488)),
    "five media lines": offer(sdp(audio(), VIDEO, VIDEO, VIDEO, FAX)),
    "key by SIP INFO": Scenario(
        Call(
            then=(
                Request(
                    "INFO",
                    "Signal=1\nDuration=160",
                    content_type="application/dtmf-relay",
                ),
            )
        ),
        digit="1",
    ),
    "ptime 30": spoken(sdp(audio("ptime:30")), ptime_ms=30),
    "ptime 40": spoken(sdp(audio("ptime:40")), ptime_ms=40),
    "ptime 60": spoken(sdp(audio("ptime:60")), ptime_ms=60),
    "ptime 20, 30 sent": spoken(begun_again=True, ptime_ms=30),
    "ptime 20, 60 sent": spoken(begun_again=True, ptime_ms=60),
    "ptime 20, 10 sent": spoken(ptime_ms=10),
    "packets swapped": spoken(order=swapped),
    "packets doubled": spoken(order=doubled),
    "bursts of five": spoken(burst=5),
    "CSRC list": spoken(understood=0.0, contributors=2),
    "padding": spoken(understood=0.0, padding=8),
    "source port moves": spoken(moves_after=100),
}

REFUSED: Final = {
    "INVITE without SDP, no gateway": refused(503, "", gateway="nobody-0a1b2c3d"),
    "INVITE without SDP, another carrier's gateway": refused(403, "", gateway=OTHERS),
    "INVITE without SDP, a stranger": refused(403, "", source=STRANGER),
    "PCMA under a dynamic payload number": refused(
        488, sdp(audio("rtpmap:96 PCMA/8000", formats="96"))
    ),
    "no codec of ours": refused(488, G729),
    "SRTP required": refused(488, sdp(audio(*CRYPTO, profile="RTP/SAVP"))),
}
