"""What a registrar granted is read from FreeSWITCH's copies of its SIP messages, whatever else is
in them, and whoever sent it.
"""

import socket
import struct
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.bridge.gateways.capture import parse_copy
from controlplane.bridge.gateways.register_messages import RegisterAnswer, register_messages
from controlplane.bridge.gateways.register_watch import MAX_UNANSWERED, RegisterWatch
from controlplane.esl.client import EslClient

pytestmark = pytest.mark.unit

NAME = "pizza-0a1b2c3d"
US, CARRIER = ("192.0.2.7", 5080), ("198.51.100.1", 5060)
OURS = f"<sip:gw+{NAME}@192.0.2.7:5080;transport=udp;gw={NAME}>"
OTHER_BRIDGES = f"<sip:gw+{NAME}@192.0.2.8:5080;transport=udp;gw={NAME}>"
STATUS = (
    "URL              \tsip:mod_sofia@192.0.2.7:5080\n"
    "BIND-URL         \tsip:mod_sofia@192.0.2.7:5080;maddr=192.0.2.7;transport=udp,tcp\n"
)


def hep(payload: bytes, *, source: tuple[str, int]) -> bytes:
    """As tport_logging.c writes it."""
    chunks = b"".join(
        struct.pack(">HHH", 0, kind, 6 + len(value)) + value
        for kind, value in (
            (1, b"\x02"),
            (2, b"\x11"),
            (7, struct.pack(">H", source[1])),
            (8, b"\x13\xd8"),
            (3, socket.inet_aton(source[0])),
            (4, socket.inet_aton("192.0.2.7")),
            (15, payload),
        )
    )
    return b"HEP3" + struct.pack(">H", 6 + len(chunks)) + chunks


def request(*, cseq: int = 2, contact: str = OURS, expires: str = "3600") -> bytes:
    return (
        "REGISTER sip:carrier.example SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.7:5080;rport\r\n"
        f"Call-ID: one\r\nCSeq: {cseq} REGISTER\r\n"
        f"Contact: {contact}\r\nExpires: {expires}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def response(*headers: str, status: int = 200, cseq: int = 2) -> bytes:
    lines = [f"SIP/2.0 {status} Whatever", "Call-ID: one", f"CSeq: {cseq} REGISTER", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


TLS_PORT = 5081
TLS_STATUS = (
    f"{STATUS}TLS-BIND-URL     \tsips:mod_sofia@192.0.2.7:{TLS_PORT}"
    ";maddr=192.0.2.7;transport=tls\n"
)


class NoFreeSwitch:
    def __init__(self, status: str = STATUS) -> None:
        self.status = status

    def api(self, command: str) -> str:
        return self.status if "status" in command else "+OK"


@dataclass
class Heard:
    """A watch, and what it has told."""

    told: list[tuple[str, RegisterAnswer]] = field(default_factory=list)
    switch: NoFreeSwitch = field(default_factory=NoFreeSwitch)

    def __post_init__(self) -> None:
        esl = cast(EslClient, self.switch)
        self.watch = RegisterWatch(
            esl, port=0, profile="external", on_answer=lambda *told: self.told.append(told)
        )
        self.watch.connected()

    def sends(self, payload: bytes, *, source: tuple[str, int] = US) -> None:
        self.watch.heard(hep(payload, source=source))

    def gets(self, payload: bytes, *, source: tuple[str, int] = CARRIER) -> None:
        self.watch.heard(hep(payload, source=source))


@pytest.mark.parametrize(
    ("headers", "granted_s"),
    [
        ([f"Contact: {OURS};expires=1800"], 1_800),
        ([f"m: {OURS};q=0.5;EXPIRES = 20"], 20),
        ([f"Contact: {OURS}", "Expires: 120"], 120),
        ([f"Contact: {OURS}"], 3_600),
        ([], 3_600),
        ([f"Contact: {OURS};expires=0"], 0),
        ([f"Contact: {OTHER_BRIDGES};expires=9, {OURS};expires=40"], 40),
        ([f"Contact: {OURS};expires=40", f"Contact: {OTHER_BRIDGES};expires=90"], 40),
        ([f'Contact: "a, b" {OURS};expires=40'], 40),
        # A registrar behind NAT has written what it saw in our Contact's place.
        (["Contact: <sip:gw+x@203.0.113.9:40000>;expires=20"], 20),
        (["Contact: <sip:a@h>;expires=3, <sip:b@h>;expires=20"], 20),
    ],
)
def test_what_was_granted(headers: list[str], granted_s: int) -> None:
    heard = Heard()
    heard.sends(request())
    heard.gets(response(*headers))
    assert heard.told == [(NAME, RegisterAnswer(asked_s=3_600, status=200, granted_s=granted_s))]


def test_what_is_sent_over_tls_leaves_from_another_port() -> None:
    heard = Heard(switch=NoFreeSwitch(TLS_STATUS))
    for cseq, port in ((2, TLS_PORT), (3, US[1]), (4, 5_999)):
        heard.sends(request(cseq=cseq), source=(US[0], port))
        heard.gets(response("Expires: 60", cseq=cseq))
    assert [answer.granted_s for _, answer in heard.told] == [60, 60]


def test_a_profile_that_runs_later_than_the_event_socket_is_heard_once_it_does() -> None:
    heard = Heard(switch=NoFreeSwitch("Invalid Profile!"))
    assert heard.watch.deaf
    heard.switch.status = STATUS
    heard.watch.connected()
    assert not heard.watch.deaf
    heard.sends(request())
    heard.gets(response())
    assert len(heard.told) == 1


def test_a_challenge_is_no_answer_and_a_refusal_is() -> None:
    heard = Heard()
    heard.sends(request(cseq=1))
    heard.gets(response(status=100, cseq=1))
    heard.gets(response(status=401, cseq=1))
    assert heard.told == []
    heard.sends(request(cseq=2))
    heard.gets(response("Retry-After: 120 (in maintenance)", status=503))
    refused = RegisterAnswer(asked_s=3_600, status=503, retry_after_s=120)
    assert heard.told == [(NAME, refused)]


def test_an_un_register_leaves_nothing() -> None:
    heard = Heard()
    heard.sends(request(expires="0"))
    heard.gets(response(f"Contact: {OTHER_BRIDGES};expires=50"))
    assert heard.told == [(NAME, RegisterAnswer(asked_s=0, status=200))]


def test_strangers_requests_and_answers_nobody_waited_for_count_for_nothing() -> None:
    heard = Heard()
    heard.gets(request())
    heard.gets(response())
    heard.sends(response())
    heard.sends(request(contact="<sip:phone@192.0.2.7>", cseq=3))
    heard.gets(response(cseq=3))
    assert heard.told == []


def test_several_answers_in_one_read_of_a_stream() -> None:
    heard = Heard()
    for cseq in (2, 3):
        heard.sends(request(cseq=cseq))
    heard.gets(response("Content-Length: 0", cseq=2) + response("Expires: 60", cseq=3))
    assert [answer.granted_s for _, answer in heard.told] == [3_600, 60]


def test_what_is_never_answered_is_forgotten() -> None:
    heard = Heard()
    for cseq in range(MAX_UNANSWERED + 10):
        heard.sends(request(cseq=cseq))
    assert len(heard.watch._sent) == MAX_UNANSWERED


@given(st.binary(max_size=200))
def test_no_datagram_hurts(noise: bytes) -> None:
    heard = Heard()
    for datagram in (noise, b"HEP3" + noise, hep(b"REGISTER" + noise, source=US)):
        parse_copy(datagram)
        heard.watch.heard(datagram)
    list(register_messages(b"\r\nCSeq: 1 REGISTER\r\n" + noise))
