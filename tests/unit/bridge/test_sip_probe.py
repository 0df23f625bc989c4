"""The bridge asks itself: where FreeSWITCH says it listens, and what counts as an answer."""

import socket
import threading
from collections.abc import Iterator

import pytest

from controlplane.bridge.sip_probe import ProfileAddress, SipProbe
from controlplane.sip_options import SipAnswer, ask

pytestmark = pytest.mark.unit

STATUS = """\
=================================================================================================
Name             \texternal
Ext-SIP-IP       \t203.0.113.7
SIP-IP           \t10.0.0.7
URL              \tsip:mod_sofia@203.0.113.7:5060
BIND-URL         \tsip:mod_sofia@203.0.113.7:5060;maddr=10.0.0.7;transport=udp,tcp
"""


def test_the_bound_address_is_asked_and_the_public_one_told() -> None:
    assert ProfileAddress.parse(STATUS) == ProfileAddress("10.0.0.7", 5060, "203.0.113.7:5060")


def test_a_profile_bound_to_its_public_address() -> None:
    status = STATUS.replace(";maddr=10.0.0.7", "")
    assert ProfileAddress.parse(status) == ProfileAddress("203.0.113.7", 5060, "203.0.113.7:5060")


def test_where_it_speaks_tls_is_known_too() -> None:
    tls = "TLS-BIND-URL     \tsips:mod_sofia@203.0.113.7:5061;maddr=10.0.0.7;transport=tls\n"
    address = ProfileAddress.parse(STATUS + tls)
    assert address is not None
    assert address.ports == {5060, 5061}


def test_a_profile_that_does_not_run() -> None:
    assert ProfileAddress.parse("Invalid Profile!\n") is None


@pytest.fixture
def peer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        peer.settimeout(2.0)
        yield peer


def answering(peer: socket.socket, *statuses: str, echo: bool = True) -> threading.Thread:
    def answer() -> None:
        request, sender = peer.recvfrom(65_535)
        _, _, headers = request.partition(b"\r\n")
        for status in statuses:
            peer.sendto(f"SIP/2.0 {status}\r\n".encode() + (headers if echo else b"\r\n"), sender)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("statuses", "echo", "answer"),
    [
        (["200 OK"], True, SipAnswer.ANSWERED),
        (["503 Maximum Calls In Progress"], True, SipAnswer.ANSWERED),
        (["100 Trying", "200 OK"], True, SipAnswer.ANSWERED),
        (["100 Trying"], True, SipAnswer.SILENT),
        (["200 OK"], False, SipAnswer.SILENT),
    ],
)
def test_any_final_answer_counts(
    peer: socket.socket, statuses: list[str], *, echo: bool, answer: SipAnswer
) -> None:
    thread = answering(peer, *statuses, echo=echo)
    assert ask(*peer.getsockname(), deadline_s=0.3) is answer
    thread.join()


def test_a_closed_port_is_told_from_a_silent_one(peer: socket.socket) -> None:
    host, port = peer.getsockname()
    assert ask(host, port, deadline_s=0.1) is SipAnswer.SILENT
    probe = SipProbe()
    probe.met(ProfileAddress(host, port, public="203.0.113.7:5060"))
    assert not probe.closed()
    peer.close()
    assert ask(host, port, deadline_s=0.1) is SipAnswer.CLOSED
    assert probe.closed()
    assert ask("203.0.113.300", 5060, deadline_s=0.1) is SipAnswer.SILENT
