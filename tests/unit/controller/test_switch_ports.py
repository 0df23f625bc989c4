"""The controller asks real ports side by side: one that answers, one that is closed, one that is
silent, and what is no address at all.
"""

import socket
import threading

import pytest

from controlplane.controller import switch_ports
from controlplane.controller.switch_ports import ask_side_by_side
from controlplane.sip_options import SipAnswer

pytestmark = pytest.mark.unit


def bound() -> socket.socket:
    peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    peer.bind(("127.0.0.1", 0))
    return peer


def place(peer: socket.socket) -> str:
    host, port = peer.getsockname()
    return f"{host}:{port}"


def test_ports_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch_ports, "ASK_DEADLINE_S", 10.0)
    with bound() as living:
        with bound() as dead:
            ended = place(dead)

        def answer() -> None:
            request, sender = living.recvfrom(65_535)
            living.sendto(b"SIP/2.0 200 OK\r\n" + request.partition(b"\r\n")[2], sender)

        thread = threading.Thread(target=answer)
        thread.start()
        answers = ask_side_by_side([place(living), ended])
        thread.join()
        assert answers == {place(living): SipAnswer.ANSWERED, ended: SipAnswer.CLOSED}


def test_who_says_nothing_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch_ports, "ASK_DEADLINE_S", 0.05)
    wrong = ["", "nowhere", "bridge.example:5060", "[::1]:5060", "127.0.0.1:99999"]
    with bound() as silent:
        answers = ask_side_by_side([place(silent), *wrong])
        found = {answers.get(one, SipAnswer.SILENT) for one in [place(silent), *wrong]}
    assert found == {SipAnswer.SILENT}
