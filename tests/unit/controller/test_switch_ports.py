"""The controller asks real ports side by side: one that answers, one that is closed, one that is
silent, and what is no address at all.
"""

import socket
import threading

import pytest

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


def test_ports_are_told_apart() -> None:
    with bound() as living, bound() as silent:
        with bound() as dead:
            ended = place(dead)

        def answer() -> None:
            request, sender = living.recvfrom(65_535)
            living.sendto(b"SIP/2.0 200 OK\r\n" + request.partition(b"\r\n")[2], sender)

        thread = threading.Thread(target=answer)
        thread.start()
        wrong = ["", "nowhere", "bridge.example:5060", "[::1]:5060", "127.0.0.1:99999"]
        answers = ask_side_by_side([place(living), place(silent), ended, *wrong])
        thread.join()
        assert answers[place(living)] is SipAnswer.ANSWERED
        assert answers[ended] is SipAnswer.CLOSED
        others = {answers.get(one, SipAnswer.SILENT) for one in [place(silent), *wrong]}
        assert others == {SipAnswer.SILENT}
